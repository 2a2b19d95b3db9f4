"""Who is let in, and whose turn is whose; keys that are made, used, revoked while the server runs."""
import json
import os
import time

from harness import server
from harness.case import COMPLETIONS, ServerCase
from harness.workers import Workers

ALICE = {'Authorization': 'Bearer planted-key-of-alice-0123456789'}
BOB = {'X-Api-Key': 'planted-key-of-bob-0123456789'}


class Keys(ServerCase):
    CONFIG = 'keys.yaml'
    BODY = {'model': 'support', 'messages': [{'role': 'user', 'content': 'a'}]}

    def test_without_a_key(self):
        error = self.assert_openai_error(self.post(COMPLETIONS, self.BODY), 401)
        self.assertEqual(error['code'], 'invalid_api_key')
        answer = self.turn('a')
        self.assert_problem(answer, 401, 'unauthenticated')
        self.assertIn('Bearer', answer.headers['www-authenticate'])
        self.assertEqual(self.model.requests, [])

    def test_with_a_wrong_key(self):
        for key in ('Bearer wrong', 'Bearer ', 'Basic YTpi', 'planted-key-of-alice-0123456789x',
                    'Bearer planted-key-of-alice-012345678', 'Bearer \xff'):
            answer = self.post(COMPLETIONS, self.BODY, headers={'Authorization': key})
            self.assertEqual(answer.status, 401, (key, answer))

    def test_with_a_key(self):
        for headers in (ALICE, BOB):
            answer = self.post(COMPLETIONS, self.BODY, headers=headers)
            self.assertEqual(answer.status, 200, answer)

    def test_a_turn_belongs_to_who_asked(self):
        turn = self.post('/v1/turns', {'message': 'a'}, headers=ALICE).json()['id']
        self.assertEqual(self.get(f'/v1/turns/{turn}', headers=ALICE).status, 200)
        self.assert_problem(self.get(f'/v1/turns/{turn}', headers=BOB), 404)
        self.assert_problem(self.get(f'/v1/turns/{turn}'), 401)
        self.assertNotIn(turn, self.get('/v1/turns', headers=BOB).body.decode())

    def test_health_is_public(self):
        for path in ('/healthz', '/readyz', '/metrics'):
            self.assertEqual(self.get(path).status, 200, path)

    def test_keys_are_in_no_output(self):
        self.post(COMPLETIONS, self.BODY, headers=ALICE)
        said = self.get('/v1/config', headers=ALICE).body.decode()
        self.assertNotIn('planted-key', said)
        self.assertNotIn('planted-key', self.server.output())


class StoredKeys(ServerCase):
    """Two workers, one database; keys are managed over HTTP and from a terminal."""
    CONFIG = 'stored_keys.yaml'
    ROOT_KEY = {'Authorization': 'Bearer planted-key-of-root-0123456789'}

    def setUp(self):
        super().setUp()
        self.workers = Workers(self.server)
        self.addCleanup(self.workers.close)

    def manage(self, method, path, body=None, status=200, headers=None):
        answer = self.request(method, path, body, headers=headers or self.ROOT_KEY)
        self.assertEqual(answer.status, status, answer)
        return answer.json()

    def make(self, name, **more):
        return self.manage('POST', '/v1/keys', dict({'name': f'{self.id()}-{name}'[-60:]}, **more))

    def ask(self, worker, key):
        return self.workers.post(worker, '/v1/turns', {'message': 'a'},
                                 {'Authorization': f'Bearer {key}'}).status

    def patchbay(self, *words, code=0, url=False):
        """In a process of its own beside the server, or over HTTP."""
        where = ['-c', os.path.join(self.FOLDER, self.CONFIG), '--data-dir',
                 os.path.join(self.server.folder.name, 'data')]
        if url:
            where += ['--url', f'http://127.0.0.1:{self.port}', '--key',
                      self.ROOT_KEY['Authorization'].split()[1]]
        done = server.run(*words, *where, env={'UPSTREAM': self.model.url})
        self.assertEqual(done.returncode, code, done)
        return done

    def assert_refused_soon(self, key):
        """On both workers; promised is a second, waited for is longer, for slow machines."""
        began = time.monotonic()
        for worker in self.workers:
            while self.ask(worker, key) != 401:
                self.assertLess(time.monotonic() - began, 20, 'the key still works')

    def test_a_new_key_works_on_both_workers(self):
        made = self.make('new')
        for worker in self.workers:
            self.assertEqual(self.ask(worker, made['key']), 200)

    def test_a_revoked_key_is_refused_on_both_workers(self):
        """Whoever is told, the other one knew the key as well."""
        for teller in self.workers:
            made = self.make(f'revoked{teller}')
            for worker in self.workers:
                self.assertEqual(self.ask(worker, made['key']), 200)
            connection = self.workers.connections[teller]
            connection.send(f'DELETE /v1/keys/{made["id"]} HTTP/1.1\r\nHost: 127.0.0.1\r\n'
                            f'Authorization: {self.ROOT_KEY["Authorization"]}\r\n\r\n'.encode())
            self.assertEqual(connection.answer().status, 200)
            self.assertEqual(self.ask(teller, made['key']), 401)
            self.assert_refused_soon(made['key'])

    def test_wrong_keys(self):
        made = self.make('wrong')
        key = made['key']
        for wrong in (key[:-1] + ('a' if key[-1] != 'a' else 'b'), key[:-1], key + 'x', made['id'],
                      f'pb_{made["id"]}_', 'pb_' + '0' * 12 + key[15:]):
            for worker in self.workers:
                self.assertEqual(self.ask(worker, wrong), 401, wrong)

    def test_a_key_that_expires(self):
        made = self.make('expires', expires='1s')
        began = time.monotonic()
        while self.ask(1, made['key']) == 200:
            self.assertLess(time.monotonic() - began, 20, 'the key still works')
        self.assertEqual(self.ask(2, made['key']), 401)

    def test_scopes(self):
        chat = {'Authorization': f'Bearer {self.make("chat", scopes=["turns.create"])["key"]}'}
        read = {'Authorization': f'Bearer {self.make("read", scopes=["pipelines.read"])["key"]}'}
        body = {'message': 'a'}
        self.assertEqual(self.post('/v1/turns', body, headers=chat).status, 200)
        self.assert_problem(self.post('/v1/turns', body, headers=read), 403, 'forbidden')
        self.assertEqual(self.get('/v1/models', headers=read).status, 200)
        self.assert_problem(self.get('/v1/keys', headers=chat), 403, 'forbidden')
        self.assert_problem(self.post('/v1/keys', {'name': 'more'}, headers=chat), 403)

    def test_a_manager_gives_no_more_than_it_has(self):
        manager = {'X-Api-Key': self.make('manager', scopes=['keys.manage', 'turns.create'])['key']}
        name = 'from-manager'
        self.manage('POST', '/v1/keys', {'name': name}, 403, manager)
        self.manage('POST', '/v1/keys', {'name': name, 'scopes': ['metrics.read']}, 403, manager)
        self.manage('POST', '/v1/keys', {'name': name, 'scopes': ['turns.create']}, 200, manager)

    def test_rotating(self):
        made = self.make('rotated')
        for worker in self.workers:
            self.assertEqual(self.ask(worker, made['key']), 200)
        again = self.manage('POST', f'/v1/keys/{made["id"]}/rotate', {})
        self.assert_refused_soon(made['key'])
        for worker in self.workers:
            self.assertEqual(self.ask(worker, again['key']), 200)
        self.assertEqual(again['id'], made['id'])

    def test_from_a_terminal(self):
        """A command beside the server: its message reaches the workers."""
        made = json.loads(self.patchbay('keys', 'create', '--name', 'terminal', '--scopes',
                                        'turns.create,pipelines.read', '--expires=90d').stdout)
        self.assertEqual(made['scopes'], ['turns.create', 'pipelines.read'])
        for worker in self.workers:
            self.assertEqual(self.ask(worker, made['key']), 200)
        listed = json.loads(self.patchbay('keys', 'list').stdout)['keys']
        self.assertIn('terminal', [key['name'] for key in listed])
        self.assertNotIn(made['key'], json.dumps(listed))
        self.patchbay('keys', 'revoke', made['id'])
        self.assert_refused_soon(made['key'])

    def test_from_a_terminal_over_http(self):
        made = json.loads(self.patchbay('keys', 'create', '--name', 'http', url=True).stdout)
        self.assertEqual(self.ask(1, made['key']), 200)
        self.patchbay('keys', 'revoke', '--id', made['id'], url=True)
        self.assert_refused_soon(made['key'])
        done = self.patchbay('keys', 'revoke', 'nobody', code=5, url=True)
        self.assertIn('there is no such key', done.stderr)

    def test_help_and_mistakes(self):
        for words in (['--help'], ['create', '--help']):
            self.assertIn('usage: patchbay keys', self.patchbay('keys', *words).stdout)
        done = self.patchbay('keys', 'lst', code=2)
        self.assertIn("there is no verb 'lst'; did you mean 'list'?", done.stderr)
        self.assertIn('keys VERB --help', self.patchbay('keys', code=2).stderr)
        self.assertIn("there is no command 'keyz'", self.patchbay('keyz', 'list', code=2).stderr)
        self.assertIn('keys.revoke needs --id', self.patchbay('keys', 'revoke', code=2).stderr)
        self.assertIn("'b' is not expected", self.patchbay('keys', 'revoke', 'a', 'b', code=2).stderr)
        self.assertIn('name: ', self.patchbay('keys', 'create', '--nam', 'x', code=2).stderr)

    def test_a_terminal_shows_a_table(self):
        """Only a terminal does: here one is made."""
        self.make('table', scopes=['turns.create'])
        master, slave = os.openpty()
        argv = [server.BINARY, 'keys', 'list', '-c', os.path.join(self.FOLDER, self.CONFIG),
                '--data-dir', os.path.join(self.server.folder.name, 'data')]
        pid = os.fork()
        if pid == 0:
            os.dup2(slave, 1)
            os.execve(argv[0], argv, server.environment({'UPSTREAM': self.model.url,
                                                          'COLUMNS': '200'}))
        os.close(slave)
        said = b''
        try:
            while piece := os.read(master, 65536):
                said += piece
        except OSError:  # the other side is closed
            pass
        os.close(master)
        self.assertEqual(os.waitpid(pid, 0)[1], 0, said)
        lines = said.decode().split('\r\n')
        self.assertRegex(lines[0], r'^id +name +tenant +scopes ')
        self.assertTrue([line for line in lines if 'turns.create' in line and 'table' in line], said)

    def test_keys_are_in_no_output(self):
        made = self.make('secret')
        self.assertEqual(self.ask(1, made['key']), 200)
        self.ask(2, made['key'][:-1] + '!')
        secret = made['key'][16:]
        listed = self.get('/v1/keys?limit=500', headers=self.ROOT_KEY).body.decode()
        self.assertIn(made['id'], listed)
        self.assertNotIn(secret, listed)
        self.assertNotIn(secret, self.server.output())
        data = os.path.join(self.server.folder.name, 'data')
        for name in os.listdir(data):
            if name.startswith('keys.db'):
                with open(os.path.join(data, name), 'rb') as file:
                    self.assertNotIn(secret.encode(), file.read(), name)
