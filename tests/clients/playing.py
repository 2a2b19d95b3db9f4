"""What every client shows, whatever language and interface it has. A class per client names the command of its
player (player.py, player.mjs), the interfaces of it, and where it differs.
"""
import functools
import json
import os
import subprocess
import tempfile

import packages
from harness import upstream
from harness.case import ServerCase

KEY = 'planted-key-of-alice-0123456789'
HELLO = 'Hello from the model.'
CALLS = [{'id': f'call_{city}', 'type': 'function', 'function': {
    'name': 'weather', 'arguments': json.dumps({'city': city})}} for city in ('Bern', 'Rom')]
CITIES = [{'city': 'Bern'}, {'city': 'Rom'}]
# Nothing is told to their makers, or fetched from them.
ALONE = {'HAYSTACK_TELEMETRY_ENABLED': 'False', 'LANGSMITH_TRACING': 'false',
         'LITELLM_LOCAL_MODEL_COST_MAP': 'True', 'DO_NOT_TRACK': '1'}
BEGUN = upstream.STREAM_HEAD + upstream.chunk(upstream.event({'content': 'so far'}))


class Playing(ServerCase):
    CONFIG = 'clients.yaml'
    FOLDER = packages.HERE
    HEADERS = {'Authorization': 'Bearer ' + KEY}
    APIS = ('chat',)
    SOME = {}  # of a test, the interfaces that can what it wants
    COMMAND = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.said = tempfile.TemporaryFile('w+')
        cls.client = subprocess.Popen(
            cls.COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=cls.said, text=True,
            env={**{name: text for name, text in os.environ.items()
                    if not name.lower().endswith('_proxy') and not name.startswith('OPENAI_')},
                 **ALONE})
        cls.addClassCleanup(cls.end_client)
        cls.told_next()  # it has loaded what it needs

    @classmethod
    def end_client(cls):
        cls.client.kill()
        cls.client.communicate()
        cls.said.close()

    @classmethod
    def told_next(cls):
        line = cls.client.stdout.readline()
        if not line:
            cls.said.seek(0)
            raise AssertionError('the client ended:\n' + cls.said.read()[-6000:])
        told = json.loads(line)
        if told and 'raised' in told:
            raise AssertionError(told['raised'])
        return told

    def begin(self, scenario, api, key=KEY):
        self.client.stdin.write(json.dumps({'play': scenario, 'api': api, 'key': key, 'base':
                                            f'http://127.0.0.1:{self.port}'}) + '\n')
        self.client.stdin.flush()

    def play(self, scenario, api='chat', **options):
        self.begin(scenario, api, **options)
        return self.told_next()


def for_each_api(test):
    """The test once for each interface, with a model that was asked nothing."""
    @functools.wraps(test)
    def every(self):
        for api in self.SOME.get(test.__name__, self.APIS):
            with self.subTest(api):
                self.setUp()
                test(self, api)
    return every


class Clients(Playing):
    """The tests."""
    WRONG_KEY = 'AuthenticationError', 401
    UNKNOWN = 'NotFoundError', 404
    SLOW = 'RateLimitError', 429
    BROKEN = {'chat': 'APIError'}
    CANCELLED = 'CancelledError'

    @for_each_api
    def test_plain(self, api):
        told = self.play('plain', api)
        self.assertEqual(told, {'text': HELLO, 'finish': 'stop', 'usage': [11, 7]})
        self.assertEqual(self.model.requests[0].json()['temperature'], 0.5)

    @for_each_api
    def test_stream(self, api):
        told = self.play('stream', api)
        self.assertEqual((''.join(told['pieces']), told['finish'], told['usage']),
                         (HELLO, 'stop', [11, 7]))
        self.assertGreater(len(told['pieces']), 2)
        self.assertTrue(self.model.requests[0].json()['stream'])

    def assert_round_trip(self, told):
        self.assertEqual(told, {'text': 'It is sunny.', 'asked': CITIES})
        first, second = [request.json() for request in self.model.requests]
        self.assertEqual([tool['function']['name'] for tool in first['tools']], ['weather'])
        self.assertEqual([message['role'] for message in second['messages']][-4:],
                         ['user', 'assistant', 'tool', 'tool'])
        made = second['messages'][-3]['tool_calls']
        self.assertEqual([json.loads(call['function']['arguments']) for call in made], CITIES)
        results = second['messages'][-2:]
        self.assertEqual([call['id'] for call in made],
                         [result['tool_call_id'] for result in results])
        for result in results:
            self.assertIn('Sunny, 23 degrees.', result['content'])

    @for_each_api
    def test_tools(self, api):
        self.model.then(upstream.completion(None, tool_calls=CALLS),
                        upstream.completion('It is sunny.'))
        self.assert_round_trip(self.play('tools', api))

    @for_each_api
    def test_stream_tools(self, api):
        self.model.then(upstream.completion(None, tool_calls=CALLS),
                        upstream.completion('It is sunny.'))
        told = self.play('stream_tools', api)
        if 'text' in told:
            self.assert_round_trip(told)
        else:
            self.assertEqual(told, {'asked': CITIES, 'finish': 'tool_calls'})

    @for_each_api
    def test_structured(self, api):
        self.model.then(upstream.completion('{"city":"Bern","days":3}'))
        self.assertEqual(self.play('structured', api), {'city': 'Bern', 'days': 3})
        asked = self.model.requests[0].json()['response_format']
        self.assertEqual(asked['type'], 'json_schema')
        self.assertEqual(sorted(asked['json_schema']['schema']['properties']), ['city', 'days'])

    def assert_failure(self, told, name, status):
        self.assertEqual((told['name'], told['status']), (name, status), told)
        self.assertTrue(told['message'], told)

    @for_each_api
    def test_errors(self, api):
        told = self.play('unknown', api)
        self.assert_failure(told, *self.UNKNOWN)
        self.assertIn('nope', told['message'])
        self.assert_failure(self.play('failing', api, key='wrong'), *self.WRONG_KEY)
        self.model.then(upstream.error(429, 'slow down', ['Retry-After: 3']))
        told = self.play('failing', api)
        self.assert_failure(told, *self.SLOW)
        self.assertEqual(told.get('after', '3'), '3')

    def test_retries(self):
        """The client's own: it asks again. Once, because some take seconds for it."""
        self.model.then(upstream.error(503, 'x', ['Retry-After: 0']))
        self.assertEqual(self.play('retries', self.APIS[0])['text'], HELLO)
        self.assertEqual(len(self.model.requests), 2)

    @for_each_api
    def test_broken_stream(self, api):
        self.model.then(upstream.then_reset(BEGUN))
        told = self.play('broken', api)
        self.assertEqual((told['text'], told.get('name')),
                         ('so far', self.BROKEN[api.rpartition(' ')[2]]), told)

    @for_each_api
    def test_cancel(self, api):
        self.model.then(upstream.then_wait(BEGUN))
        self.assertEqual(self.play('cancel', api), {'text': 'so far'})
        self.assertTrue(self.model.arrived.get(timeout=30).gone.wait(30))

    @for_each_api
    def test_cancel_while_waiting(self, api):
        self.model.then(upstream.then_wait())
        self.begin('cancel_waiting', api)
        asked = self.model.arrived.get(timeout=30)
        self.client.stdin.write('now\n')
        self.client.stdin.flush()
        self.assertEqual(self.told_next(), {'name': self.CANCELLED})
        self.assertTrue(asked.gone.wait(30))
