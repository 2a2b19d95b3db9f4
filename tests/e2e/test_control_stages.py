"""fallback, timeout, retry, parallel and route in front of a service that fails (tests/upstream)."""
import os
import re
import subprocess
import tempfile
import unittest
import uuid

from harness import client, server
from harness.case import ServerCase

FALLEN_BACK = ('hang', 'hangheader', 'error429', 'error500', 'reset')


class ControlStages(ServerCase):
    CONFIG = 'control_stages.yaml'

    @classmethod
    def setUpClass(cls):
        program = os.path.join(server.ROOT, 'tests', 'upstream', 'upstream.js')
        try:
            cls.service = subprocess.Popen(['node', program], stdout=subprocess.PIPE, text=True)
        except FileNotFoundError as error:
            raise unittest.SkipTest('node is not installed') from error
        cls.addClassCleanup(cls.end_service)
        cls.service_port = int(cls.service.stdout.readline().split()[1])
        cls.ENVIRONMENT = {'SERVICE': f'http://127.0.0.1:{cls.service_port}/v1'}
        super().setUpClass()

    @classmethod
    def end_service(cls):
        cls.service.kill()
        cls.service.wait()
        cls.service.stdout.close()

    def asked(self):
        """Numbers of the requests that the service got so far."""
        return len(client.request(self.service_port, 'GET', '/requests').json())

    def open_at_service(self):
        return client.request(self.service_port, 'GET', '/open').json()['open']

    def wait_closed(self):
        """Until the service has no answer under way: the one that was given up is gone too."""
        for _ in range(1000):
            if self.open_at_service() == 0:
                return
        self.fail('a connection that was given up is still open')

    def streamed(self, pipeline, message='Hello?', **more):
        events = self.turn(message, pipeline=pipeline, stream=True, **more).events()
        text = ''.join(data['delta'] for name, data, _ in events if name == 'text')
        return events[-1], text

    def stages_of(self, turn):
        """Names of all stages that were run, and whether they failed."""
        def walk(stages):
            for stage in stages:
                yield stage['name'], stage.get('status', 'ok')
                yield from walk(stage.get('children', []))
        return list(walk(self.get(f'/v1/turns/{turn}').json()['stages']))

    def test_a_good_model_answers_itself(self):
        turn = self.turn(pipeline='plain').json()
        self.assertEqual(turn['answered_by']['llm'], 'plain')
        self.assertFalse(turn['answered_by'].get('fallback'), turn)
        (_, done, _), text = self.streamed('plain')
        self.assertEqual((done['status'], text), ('done', 'Hello, world.'))

    def test_the_script_answers_for_what_fails(self):
        for pipeline in FALLEN_BACK:
            if pipeline == 'hangheader':
                continue  # it hangs only where somebody reads along
            with self.subTest(pipeline):
                before = self.asked()
                answer = self.turn(pipeline=pipeline)
                self.assertEqual(answer.status, 200, answer)
                turn = answer.json()
                self.assertEqual(turn['message']['text'], 'From the script.')
                self.assertEqual(turn['answered_by']['llm'], 'script')
                self.assertTrue(turn['answered_by']['fallback'], turn)
                # A kept connection that breaks at once is tried once more on a new one.
                most = 2 if pipeline == 'reset' else 1
                self.assertIn(self.asked() - before, range(1, most + 1), 'the model was asked')
        self.wait_closed()

    def test_also_where_somebody_reads_along(self):
        for pipeline in FALLEN_BACK:
            with self.subTest(pipeline):
                (name, done, _), text = self.streamed(pipeline)
                self.assertEqual((name, done['status'], text), ('done', 'done', 'From the script.'))
                self.assertEqual(done['answered_by']['llm'], 'script')
        self.wait_closed()

    def test_the_openai_dialect(self):
        for pipeline in FALLEN_BACK:
            with self.subTest(pipeline):
                answer = self.chat(model=pipeline, stream=True)
                self.assertEqual(answer.status, 200, answer)
                chunks = [data for _, data, _ in answer.events() if data != '[DONE]']
                text = ''.join(choice['delta'].get('content') or ''
                               for chunk in chunks for choice in chunk['choices'])
                self.assertEqual(text, 'From the script.')

    def test_it_is_explained(self):
        turn = self.turn(pipeline='hang').json()['id']
        stages = self.stages_of(turn)
        self.assertEqual(stages, [('fallback', 'ok'), ('timeout', 'timeout'),
                                  ('generate', 'timeout'), ('generate', 'ok')])
        self.assertIn('the reply was not complete after 0.3 s', self.server.output())

    def test_what_was_said_is_not_unsaid(self):
        """The outer limit was met by the first word; the inner one still ends the silence."""
        (name, error, _), text = self.streamed('hangmiddle')
        self.assertEqual((name, error['status'], text), ('error', 504, 'So far'))
        self.assertEqual(error['detail'], 'the reply was not complete after 1 s')
        self.wait_closed()

    def test_a_bad_request_is_not_tried_elsewhere(self):
        answer = self.turn(pipeline='error400')
        self.assert_problem(answer, 400, 'invalid')

    def test_the_last_failure_is_told(self):
        answer = self.turn(pipeline='hopeless')
        problem = self.assert_problem(answer, 429, 'rate_limited')
        self.assertEqual(problem['retry_after'], 7)
        self.assertEqual(answer.headers['retry-after'], '7')

    def test_retry(self):
        before = self.asked()
        turn = self.turn(pipeline='flaky', overrides={'user': str(uuid.uuid4())})
        self.assertEqual(turn.status, 200, turn)
        self.assertEqual(self.asked(), before + 3)

    def test_the_first_wins_and_the_loser_is_closed(self):
        turn = self.turn(pipeline='race').json()
        self.assertEqual(turn['answered_by']['llm'], 'plain', turn)
        self.wait_closed()
        (name, _, _), text = self.streamed('race')
        self.assertEqual((name, text), ('done', 'Hello, world.'))
        self.wait_closed()

    def test_route(self):
        self.assertEqual(self.streamed('routed', 'Read the Script, please')[1], 'From the script.')
        self.assertEqual(self.streamed('routed', 'A description')[1], 'Hello, world.')


class Examples(unittest.TestCase):
    def test_the_examples_of_the_readmes_are_valid(self):
        for plugin in ('api-key', 'fallback', 'generate', 'none', 'parallel', 'prompt', 'replay',
                       'retry', 'route', 'sanitize', 'timeout'):
            with self.subTest(plugin), tempfile.NamedTemporaryFile('w', suffix='.yaml') as config:
                with open(os.path.join(server.ROOT, 'plugins', plugin, 'README.md'),
                          encoding='utf-8') as readme:
                    config.write(re.search(r'```yaml\n(.*?)```', readme.read(), re.S).group(1))
                config.flush()
                done = server.run('check', '-c', config.name)
                self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
                self.assertNotIn('warning', done.stderr + done.stdout)
