"""The official clients of Anthropic, for Node and Python, against the real server."""
import json
import os
import subprocess
import unittest

import packages
from harness import upstream
from harness.anthropic import reply
from harness.case import ServerCase


class Clients(ServerCase):
    CONFIG = 'messages.yaml'
    KEY = 'planted-key-of-alice-0123456789'
    HEADERS = {'X-Api-Key': KEY}

    @classmethod
    def command(cls):
        raise NotImplementedError

    def start(self, *scenarios, key=KEY, model='support'):
        environment = dict(os.environ, ANTHROPIC_API_KEY=key, MODEL=model,
                           ANTHROPIC_BASE_URL=f'http://127.0.0.1:{self.port}')
        return subprocess.Popen([*self.command(), *scenarios], env=environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def play(self, *scenarios, **options):
        """What each of them told; of one alone that."""
        out, err = self.start(*scenarios, **options).communicate(timeout=120)
        told = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(len(told), len(scenarios), err)
        return told if len(scenarios) > 1 else told[0]

    def test_plain_and_models(self):
        told, models, count = self.play('plain', 'models', 'count')
        self.assertEqual(models, {'ids': ['support', 'claude', 'talk'], 'one': 'support'})
        self.assertGreater(count['input_tokens'], 20)
        self.assertEqual([(block['type'], block['text']) for block in told['content']],
                         [('text', 'Hello from the model.')])
        self.assertEqual((told['stop_reason'], told['usage']['input_tokens'],
                          told['usage']['output_tokens']), ('end_turn', 11, 7))
        self.assertTrue(told['request'])
        self.assertEqual('msg_' + told['patchbay']['turn'], told['id'])
        self.assertEqual(self.model.requests[0].json()['temperature'], 0.5)

    def test_stream(self):
        told = self.play('stream')
        self.assertEqual(told['events'][:2], ['message_start', 'content_block_start'])
        self.assertEqual(told['events'][-3:],
                         ['content_block_stop', 'message_delta', 'message_stop'])
        self.assertGreater(told['events'].count('content_block_delta'), 2)
        self.assertEqual((told['text'], told['finalText'], told['blocks']),
                         ('Hello from the model.', 'Hello from the model.', ['text']))
        self.assertEqual((told['final']['stop_reason'], told['final']['usage']['input_tokens'],
                          told['final']['usage']['output_tokens']), ('end_turn', 11, 7))

    CALLS = [{'id': f'call_{city}', 'type': 'function', 'function': {
        'name': 'weather', 'arguments': json.dumps({'city': city})}} for city in ('Bern', 'Rom')]

    def test_tools(self):
        """By hand, and by the client's own helper, which first tries whether the server keeps threads."""
        self.model.then(*[upstream.completion(None, tool_calls=self.CALLS),
                          upstream.completion('It is sunny.')] * 2)
        self.assertEqual(self.play('tools', 'runner'), 2 * [{
            'text': 'It is sunny.', 'inputs': [{'city': 'Bern'}, {'city': 'Rom'}]}])
        for at in (1, 3):
            second = self.model.requests[at].json()['messages']
            self.assertEqual([message['role'] for message in second],
                             ['user', 'assistant', 'tool', 'tool'])
            self.assertEqual([message['content'] for message in second[2:]],
                             ['Sunny, 23 degrees.'] * 2)

    def test_tools_and_thinking(self):
        """A model of the same dialect gets its signed thinking back as it said it."""
        said = [{'type': 'thinking', 'thinking': 'Where?', 'signature': 'c2lnbmVk'},
                {'type': 'redacted_thinking', 'data': 'aGlkZGVu'},
                {'type': 'tool_use', 'id': 'toolu_1', 'name': 'weather', 'input': {'city': 'Bern'}}]
        self.model.then(reply(*said, stop='tool_use'), reply({'type': 'text', 'text': 'Sunny.'}))
        self.assertEqual(self.play('tools', model='claude'),
                         {'inputs': [{'city': 'Bern'}], 'text': 'Sunny.'})
        back = self.model.requests[1].json()['messages']
        self.assertEqual(back[1]['content'], said)
        self.assertEqual(back[2]['content'], [{'type': 'tool_result', 'tool_use_id': 'toolu_1',
                                               'content': 'Sunny, 23 degrees.'}])

    def assert_failure(self, told, name, status, kind):
        self.assertEqual((told['name'], told['status'], told['type']), (name, status, kind), told)
        self.assertTrue(told['request'], told)

    def test_errors_of_the_request(self):
        unknown, invalid = self.play('unknown', 'invalid')
        self.assert_failure(unknown, 'NotFoundError', 404, 'not_found_error')
        self.assertIn('nope', unknown['message'])
        self.assert_failure(invalid, 'BadRequestError', 400, 'invalid_request_error')
        self.assertIn('temperature: must be between 0 and 1', invalid['message'])
        self.assert_failure(self.play('failing', key='wrong'), 'AuthenticationError', 401,
                            'authentication_error')
        self.assert_failure(self.play('failing', key='planted-key-of-reader-0123456789'),
                            'PermissionDeniedError', 403, 'permission_error')

    def test_errors_of_the_model(self):
        """The last is asked again by the client itself."""
        now = ['Retry-After: 0']
        self.model.then(upstream.error(429, 'slow down', ['Retry-After: 3']),
                        upstream.error(500, 'boom'), upstream.error(503, 'busy'),
                        upstream.error(429, 'x', now), upstream.error(503, 'x', now))
        slow, boom, busy, again = self.play('failing', 'failing', 'failing', 'retries')
        self.assert_failure(slow, 'RateLimitError', 429, 'rate_limit_error')
        self.assertEqual(slow['after'], '3')
        self.assert_failure(boom, 'InternalServerError', 502, 'api_error')
        self.assert_failure(busy, 'ServiceUnavailableError', 503, 'overloaded_error')
        self.assertEqual(again['text'], 'Hello from the model.')

    def test_broken_stream(self):
        begun = upstream.STREAM_HEAD + upstream.chunk(upstream.event({'content': 'so far'}))
        self.model.then(upstream.then_reset(begun))
        told = self.play('broken_stream')
        self.assertEqual((told['text'], told.get('type')), ('so far', 'api_error'), told)

    def test_cancel(self):
        begun = upstream.STREAM_HEAD + upstream.chunk(upstream.event({'content': 'so far'}))
        self.model.then(upstream.then_wait(begun))
        self.assertEqual(self.play('cancel')['text'], 'so far')
        self.assertTrue(self.model.arrived.get(timeout=30).gone.wait(30))

    def test_cancel_while_waiting(self):
        self.model.then(upstream.then_wait())
        process = self.start('plain')
        asked = self.model.arrived.get(timeout=60)
        process.kill()
        process.communicate()
        self.assertTrue(asked.gone.wait(30))


class Node(Clients):
    @classmethod
    def setUpClass(cls):
        packages.node_with('anthropic.mjs')
        super().setUpClass()

    @classmethod
    def command(cls):
        return ['node', os.path.join(packages.NODE, 'anthropic.mjs')]


class Python(Clients):
    @classmethod
    def setUpClass(cls):
        cls.python = packages.python_with('anthropic_requirements.txt')
        super().setUpClass()

    @classmethod
    def command(cls):
        return [cls.python, os.path.join(packages.HERE, 'anthropic_client.py')]


def load_tests(loader, _tests, _pattern):
    suite = unittest.TestSuite()
    for case in (Node, Python):
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite
