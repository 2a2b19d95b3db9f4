"""The commands: what they print, what they return."""
import json
import os
import re

from harness import server, upstream
from harness.case import ServerCase

QUICKSTART = os.path.join('config', 'quickstart.yaml')
SCRIPT = os.path.join('tests', 'e2e', 'script.yaml')
HERE = os.path.dirname(os.path.abspath(__file__))


def golden(text):
    """Without what differs from machine to machine."""
    text = re.sub(r'\(searched [^)]*\)', '(searched FOLDERS)', text)
    text = re.sub(r'\blib(a|t|ub)san\.so\.\d+, ', '', text)
    return text.replace(server.BUILD, 'BUILD').replace(server.ROOT, 'ROOT')


class Commands(ServerCase):
    CONFIG = 'turns.yaml'

    def setUp(self):
        super().setUp()
        self.config = os.path.join(self.FOLDER, self.CONFIG)
        self.env = {'UPSTREAM': self.model.url}

    def patchbay(self, command, *arguments, config=QUICKSTART, code=0, **options):
        folder = os.path.join(self.server.folder.name, 'commands')
        done = server.run(command, '-c', config, '--data-dir', folder, *arguments, **options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def assert_golden(self, name, text):
        path = os.path.join(HERE, 'golden', name)
        if os.environ.get('PATCHBAY_GOLDEN') == 'write':
            with open(path, 'w', encoding='utf-8') as file:
                file.write(golden(text))
        with open(path, encoding='utf-8') as file:
            self.assertEqual(golden(text), file.read())

    # --- check, show, schema, graph, inspect ---

    def test_check_good(self):
        done = self.patchbay('check')
        self.assertIn('good', done.stdout + done.stderr)

    def test_check_twelve_mistakes(self):
        done = self.patchbay('check', config='tests/e2e/mistakes.yaml', code=2)
        said = (done.stdout + done.stderr).splitlines()
        lines = sorted((line for line in said if line.startswith('tests/e2e/mistakes.yaml:')
                        and re.match(r'[^:]+:\d+:\d+: ', line)),
                       key=lambda line: int(line.split(':')[1]))
        self.assertEqual(len(lines), 12, said)
        self.assert_golden('mistakes', '\n'.join(lines) + '\n')

    def test_serve_refuses_the_same(self):
        done = self.patchbay('serve', config='tests/e2e/mistakes.yaml', code=2)
        self.assertIn("did you mean 'sanitize'", done.stderr)
        self.assertNotIn('answers at', done.stdout)

    def test_check_as_json(self):
        done = self.patchbay('check', '--json', config='tests/e2e/mistakes.yaml', code=2)
        told = json.loads(done.stdout)
        self.assertEqual(len(told['problems'] if isinstance(told, dict) else told), 12)

    def test_no_such_file(self):
        done = self.patchbay('check', config='no/such.yaml', code=2)
        self.assertIn('no/such.yaml', done.stderr)

    def test_show(self):
        done = self.patchbay('show', env={'OPENAI_API_KEY': 'sk-planted'})
        self.assert_golden('show', done.stdout)
        self.assertNotIn('planted', done.stdout + done.stderr)

    def test_graph(self):
        self.assert_golden('graph', self.patchbay('graph', config=self.config, env=self.env).stdout)
        self.assert_golden('graph.dot', self.patchbay('graph', '--dot', config=self.config,
                                                      env=self.env).stdout)

    def test_schema(self):
        schema = json.loads(self.patchbay('schema').stdout)
        self.assertEqual(schema['$schema'], 'https://json-schema.org/draft/2020-12/schema')
        self.assertLessEqual({'host', 'plugins', 'llms', 'auth', 'pipelines', 'transports'},
                             set(schema['properties']))
        self.assertIn('base_url', json.dumps(schema['$defs']['llm.openai']))

    def test_inspect(self):
        self.assert_golden('inspect', self.patchbay('inspect').stdout)
        self.assert_golden('inspect-generate', self.patchbay('inspect', 'generate').stdout)
        told = json.loads(self.patchbay('inspect', '--json').stdout)
        self.assertIn('openai', [plugin['name'] for plugin in told])
        self.patchbay('inspect', 'no-such-plugin', code=5)

    def test_inspect_yaml_can_be_pasted(self):
        text = self.patchbay('inspect', 'timeout', '--yaml').stdout
        self.assertIn('timeout', text)

    # --- ask, call, explain ---

    def test_ask(self):
        done = self.patchbay('ask', 'How', 'do', 'I', 'write', 'a', 'plugin?', config=SCRIPT)
        self.assertIn('From a script', done.stdout)
        self.assertIn('A plugin is one .so file', done.stdout)
        self.assertEqual(done.stderr, '')

    def test_ask_the_quickstart(self):
        done = self.patchbay('ask', 'Hello')
        self.assertIn('I answer questions about the documents', done.stdout)

    def test_ask_by_pipe(self):
        done = self.patchbay('ask', config=SCRIPT, input='Tell me about metrics\n')
        self.assertIn('GET /metrics', done.stdout)

    def test_ask_as_json(self):
        told = json.loads(self.patchbay('ask', '--json', 'Hello', config=SCRIPT).stdout)
        self.assertEqual((told['status'], told['answered_by']['llm']), ('done', 'script'))

    def test_ask_the_model(self):
        for env in ({'OPENAI_BASE_URL': self.model.url},
                    {'OPENAI_BASE_URL': self.model.url, 'OPENAI_API_KEY': 'sk-x'}):
            done = self.patchbay('ask', 'Hello', env=env)
            self.assertEqual(done.stdout.strip(), 'Hello from the model.')
        asked = self.model.requests[-1]
        self.assertEqual(asked.headers['authorization'], 'Bearer sk-x')
        self.assertEqual(asked.json()['messages'][0]['role'], 'system')

    def test_ask_fails(self):
        self.model.then(*[upstream.error(400, 'no way')] * 3)
        done = self.patchbay('ask', 'Hello', env={'OPENAI_BASE_URL': self.model.url}, code=2)
        self.assertIn('no way', done.stderr)
        self.assertEqual(done.stdout, '')

    def test_ask_a_server(self):
        done = self.patchbay('ask', '--url', f'http://127.0.0.1:{self.port}', 'Hello')
        self.assertEqual(done.stdout.strip(), 'Hello from the model.')

    def test_call(self):
        told = json.loads(self.patchbay('call', 'pipelines.list').stdout)
        self.assertEqual(told['pipelines'][0]['name'], 'support')
        self.assertIn('turns.get', self.patchbay('call').stdout)
        done = self.patchbay('call', 'pipelines.lst', code=5)
        self.assertIn("no operation 'pipelines.lst'", done.stderr)

    def test_call_a_server(self):
        turn = self.turn().json()['id']
        url = f'http://127.0.0.1:{self.port}'
        told = json.loads(self.patchbay('call', 'turns.get', '--id', turn, '--url', url).stdout)
        self.assertEqual(told['id'], turn)
        done = self.patchbay('call', 'turns.get', '--id', 'nope', '--url', url, code=5)
        self.assertTrue(done.stderr)

    def test_explain(self):
        turn = self.turn(pipeline='careful').json()['id']
        done = self.patchbay('explain', turn, '--url', f'http://127.0.0.1:{self.port}')
        for word in ('careful', 'fallback', 'generate', 'impatient', 'ms'):
            self.assertIn(word, done.stdout)
        self.patchbay('explain', '--url', f'http://127.0.0.1:{self.port}')
        told = json.loads(self.patchbay('explain', turn, '--json', '--url',
                                        f'http://127.0.0.1:{self.port}').stdout)
        self.assertEqual(told['id'], turn)

    # --- the command line itself ---

    def test_help(self):
        self.assertIn('patchbay COMMAND', server.run('--help').stdout)
        for name in ('serve', 'ask', 'check', 'show', 'schema', 'graph', 'inspect', 'call',
                     'explain'):
            done = server.run(name, '--help')
            self.assertEqual(done.returncode, 0)
            self.assertIn('example: patchbay ' + name, done.stdout)

    def test_wrong_words(self):
        for arguments, hint in ((['sreve'], "did you mean 'serve'"),
                                (['serve', '--prot', '1'], "did you mean '--port'"),
                                (['check', 'x'], 'not expected'),
                                (['serve', '-c'], 'needs a value')):
            done = server.run(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(hint, done.stderr + done.stdout, arguments)

    def test_port_in_use(self):
        done = self.patchbay('serve', '--port', str(self.port), code=6)
        self.assertIn(str(self.port), done.stderr)
