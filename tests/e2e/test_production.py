"""config/production.yaml: good with what its first lines name, and it does what its comments say."""
import json
import os
import tempfile

from harness import server, upstream
from harness.case import ServerCase

PRODUCTION = os.path.join('config', 'production.yaml')


class Production(ServerCase):
    @classmethod
    def setUpClass(cls):
        cls.model = upstream.Upstream()
        cls.environment = {'OPENAI_API_KEY': 'sk-planted', 'OPENAI_BASE_URL': cls.model.url}
        cls.server = server.Server(PRODUCTION, env=cls.environment)
        cls.port = cls.server.port

    def setUp(self):
        super().setUp()
        self.names = []

    def patchbay(self, *words, code=0, env=None, data_dir=None):
        """A command in a process of its own beside the server, as the file's first lines show it."""
        data_dir = data_dir or os.path.join(self.server.folder.name, 'data')
        done = server.run(*words, '-c', PRODUCTION, '--data-dir', data_dir,
                          env=self.environment if env is None else env)
        self.assertEqual(done.returncode, code, done)
        return done

    def make_key(self, *more):
        """Headers with a key of this test's own."""
        name = f'{self._testMethodName[:50]}{len(self.names)}'
        self.names.append(name)
        made = self.patchbay('keys', 'create', '--name', name, *more)
        return {'Authorization': f'Bearer {json.loads(made.stdout)["key"]}'}

    def ask(self, key, **more):
        answer = self.post('/v1/turns', dict({'message': 'Hello?'}, **more), headers=key)
        self.assertIn(answer.status, (200, 202), answer)
        return answer

    def test_check(self):
        self.assertIn('good', self.patchbay('check', env={'OPENAI_API_KEY': 'sk-x'}).stdout)

    def test_check_names_what_is_missing(self):
        done = self.patchbay('check', env={}, code=2)
        self.assertIn('OPENAI_API_KEY is not set', done.stdout + done.stderr)
        self.assertIn('1 problem', done.stdout + done.stderr)

    def test_the_first_key_is_made_before_anything_serves(self):
        with tempfile.TemporaryDirectory() as folder:
            made = json.loads(self.patchbay('keys', 'create', '--name', 'first', '--roles', 'admin',
                                            data_dir=folder).stdout)
            self.assertTrue(made['key'].startswith('pb_'), made)
            self.assertEqual(made['roles'], ['admin'])

    def test_nobody_gets_in_without_a_key(self):
        self.assert_problem(self.post('/v1/turns', {'message': 'Hello?'}), 401)
        self.assertEqual(self.model.requests, [])

    def test_limits_and_kept_answers(self):
        key, other = self.make_key(), self.make_key('--scopes', 'turns.create')
        first, again, others = self.ask(key), self.ask(key), self.ask(other)
        self.assertEqual([answer.headers['x-patchbay-cache'] for answer in (first, again, others)],
                         ['miss', 'hit', 'miss'])
        self.assertEqual(len(self.model.requests), 2)
        self.assertIn('"support";q=30;w=60', first.headers['ratelimit-policy'])
        self.assertIn('"budget";q=500000;w=86400', first.headers['ratelimit-policy'])

    def test_an_administrator_is_not_counted(self):
        self.assertNotIn('ratelimit', self.ask(self.make_key('--roles', 'admin')).headers)

    def test_a_conversation_outlives_a_reload(self):
        key = self.make_key()
        begun = self.ask(key, message='My name is Ada.', conversation=None).json()
        self.patchbay('reload')
        self.ask(key, message='Who am I?', conversation=begun['conversation'])
        seen = [message['content'] for message in self.model.requests[-1].json()['messages']]
        self.assertEqual(seen[1:], ['My name is Ada.', 'Hello from the model.', 'Who am I?'])
        answer = self.get(f'/v1/conversations/{begun["conversation"]}/messages', headers=key)
        self.assertEqual([message['role'] for message in answer.json()['messages']],
                         ['user', 'assistant'] * 2)

    def test_a_turn_outlives_its_connection(self):
        key = self.make_key()
        answer = self.ask(key, message='Take your time.', detach=True)
        self.assertEqual(answer.status, 202, answer)
        events = self.get(f'/v1/turns/{answer.json()["id"]}/events', headers=key).events()
        self.assertEqual(events[-1][0], 'done', events)

    def test_nothing_to_reload(self):
        self.assertNotRegex(self.patchbay('diff').stdout, r'(?m)^[-+]')
