"""`patchbay chat`: in a terminal, piped, in process and on a server."""
import json
import os
import signal
import socket
import stat
import tempfile
import threading
import unittest

from harness import server, upstream
from harness.terminal import Terminal

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = os.path.join(HERE, 'chat.yaml')
PROMPT = '› '
SOURCE = {'index': 1, 'document': 'guide.md', 'heading': 'Install', 'lines': [3, 9], 'score': 0.8312,
          'quote': 'Run the installer.\nThen wait.', 'url': 'https://x.example/guide'}


class Chat(unittest.TestCase):
    def setUp(self):
        self.model = upstream.Upstream()
        self.addCleanup(self.model.close)
        folder = tempfile.TemporaryDirectory(prefix='patchbay-chat-')
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.data = os.path.join(self.folder, 'data')
        self.state = os.path.join(self.folder, 'state')
        self.env = {'UPSTREAM': self.model.url, 'XDG_STATE_HOME': self.state, 'HOME': self.folder}

    def arguments(self, *more):
        return ('chat', '-c', CONFIG, '--data-dir', self.data, *more)

    def terminal(self, *more, **options):
        env = {**self.env, **options.pop('env', {})}
        terminal = Terminal(*self.arguments(*more), env=env, **options)
        self.addCleanup(terminal.__exit__)
        terminal.expect(PROMPT)
        return terminal

    def quit(self, terminal, code=0):
        terminal.line('/quit')
        self.assertEqual(terminal.end(), code, terminal.text())
        self.assertTrue(terminal.echoes())

    def asked(self, at=-1):
        return [(message['role'], message['content'])
                for message in self.model.requests[at].json()['messages']]


class InTerminal(Chat):
    def test_markdown_and_history(self):
        self.model.then(upstream.completion('# Title\n\nSome **bold** text and `code`.'))
        chat = self.terminal()
        chat.line('What is it?')
        chat.expect('Title')
        chat.expect('Some bold text and code.')
        chat.expect(PROMPT)
        self.assertIn(b'\x1b[0;1mbold', chat.raw)
        chat.line('And then?')
        chat.expect('Hello from the model.')
        self.assertEqual(self.asked()[0], ('user', 'What is it?'))
        self.assertEqual(self.asked()[-1], ('user', 'And then?'))
        self.quit(chat)
        path = os.path.join(self.state, 'patchbay', 'history')
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path, encoding='utf-8') as file:
            self.assertEqual(file.read(), 'What is it?\nAnd then?\n/quit\n')
        again = self.terminal()
        again.send('\x1b[A\x1b[A')  # two up: before /quit
        again.expect('And then?')
        again.send('\r')
        again.expect('Hello from the model.')
        self.assertEqual(self.asked(), [('user', 'And then?')])  # a new conversation
        self.quit(again)

    def test_editing(self):
        chat = self.terminal()
        chat.line('wörlds\x7f\x01hello \x05!')
        chat.expect('Hello from the model.')
        self.assertEqual(self.asked(), [('user', 'hello wörld!')])
        self.quit(chat)

    def test_several_lines(self):
        chat = self.terminal()
        chat.line('one\x1b\rtwo\\')
        chat.expect('… ')
        chat.line('three')
        chat.expect('Hello from the model.')
        self.assertEqual(self.asked(), [('user', 'one\ntwo\nthree')])
        chat.expect(PROMPT)
        chat.send('\x1b[200~pasted\rtext\r\x1b[201~')
        chat.expect('text')
        self.assertEqual(len(self.model.requests), 1)  # nothing is sent by pasting
        chat.line('')
        chat.expect('Hello from the model.')
        self.assertEqual(self.asked()[-1], ('user', 'pasted\ntext'))
        self.quit(chat)

    def test_control_c_ends_the_answer_only(self):
        gone = threading.Event()

        def half(connection, request):
            connection.sendall(upstream.STREAM_HEAD)
            connection.sendall(upstream.chunk(upstream.event({'content': 'The first half '})))
            upstream.wait_gone(connection, request)
            gone.set()
            return False
        self.model.then(half)
        chat = self.terminal()
        chat.line('Go on')
        chat.expect('The first half')
        chat.send('\x03')
        chat.expect('(stopped)')
        chat.expect(PROMPT)
        self.assertTrue(gone.wait(server.PATIENCE))
        chat.line('Still there?')
        chat.expect('Hello from the model.')
        self.quit(chat)

    def test_control_c_at_the_prompt(self):
        chat = self.terminal()
        chat.send('never sent')
        chat.expect('never sent')
        chat.send('\x03')
        chat.expect('quits)')
        chat.expect(PROMPT)
        chat.line('sent')
        chat.expect('Hello from the model.')
        chat.expect(PROMPT)
        self.assertEqual(self.asked(), [('user', 'sent')])
        chat.send('\x03')
        chat.expect('quits)')
        chat.send('\x03')
        self.assertEqual(chat.end(), 0)

    def test_control_d_quits(self):
        chat = self.terminal()
        chat.send('\x04')
        self.assertEqual(chat.end(), 0)

    def test_spinner_until_something_comes(self):
        may = threading.Event()
        self.model.then(upstream.stream([may.wait, {'content': 'Here.'}]))
        chat = self.terminal()
        chat.line('Wait')
        chat.expect('generate 0')
        chat.send('typed ahead')
        may.set()
        chat.expect('Here.')
        chat.expect(PROMPT)
        chat.expect('typed ahead')
        chat.line('')
        chat.expect('Hello from the model.')
        self.assertEqual(self.asked()[-1], ('user', 'typed ahead'))
        self.quit(chat)

    def test_errors_are_one_sentence(self):
        self.model.then(upstream.error(400, 'no \x1b[31mway'))
        chat = self.terminal('--no-color')
        chat.line('Fail')
        self.assertNotIn('\n\n\n', chat.expect('no '))
        chat.expect('way')
        chat.expect(PROMPT)
        self.assertNotIn(b'\x1b[31m', chat.raw)
        self.quit(chat)

    def test_without_colours(self):
        self.model.then(upstream.completion('Some **bold** text.'))
        for more in ({'env': {'NO_COLOR': '1'}}, {}):
            chat = self.terminal(*([] if more else ['--no-color']), **more)
            chat.line('Hello')
            chat.expect('.')
            chat.expect(PROMPT)
            self.assertNotIn(b'\x1b[0;', chat.raw)
            self.quit(chat)

    def test_dumb_terminal(self):
        chat = Terminal(*self.arguments(), env={**self.env, 'TERM': 'dumb'})
        self.addCleanup(chat.__exit__)
        chat.send('Hello\n')
        chat.expect('Hello from the model.')
        chat.send('\x04')
        self.assertEqual(chat.end(), 0)
        self.assertNotIn(b'\x1b', chat.raw)

    def test_width_is_the_terminals(self):
        self.model.then(upstream.completion('word ' * 30), upstream.completion('word ' * 30))
        chat = self.terminal(columns=40)
        chat.line('Narrow')
        chat.expect('word word word word word word word word\nword')
        chat.expect(PROMPT)
        chat.resize(60)
        chat.line('Wide')
        chat.expect('word ' * 11 + 'word\nword')
        self.quit(chat)

    def test_commands(self):
        chat = self.terminal('--no-color')
        chat.line('/help')
        for name in ('/sources', '/explain', '/new', '/conversations', '/open', '/pipeline', '/model',
                     '/export', '/quit'):
            chat.expect(name)
        chat.line('/explain')
        chat.expect('no answer yet')
        chat.line('First?')
        chat.expect('Hello from the model.')
        chat.expect(PROMPT)
        chat.line('/explain')
        chat.expect('pipeline  support')
        chat.expect('generate')
        chat.expect(PROMPT)
        chat.line('/sources')
        chat.expect('names no sources')
        chat.line('/new')
        chat.expect('a new conversation')
        chat.expect(PROMPT)
        chat.line('Second?')
        chat.expect('Hello from the model.')
        self.assertEqual(self.asked(), [('user', 'Second?')])
        chat.expect(PROMPT)
        chat.line('/conversations')
        chat.expect('Second?')
        first = chat.expect('First?').split()[-2]
        chat.expect(PROMPT)
        self.assertEqual(len(first), 8)
        chat.line('/open ' + first)
        chat.expect('› First?\n\nHello from the model.')
        chat.expect(PROMPT)
        chat.line('Third?')
        chat.expect('Hello from the model.')
        self.assertEqual(self.asked()[0], ('user', 'First?'))
        chat.expect(PROMPT)
        chat.line('/pipelin')
        chat.expect("did you mean '/pipeline'")
        chat.line('/pipeline')
        chat.expect('Keeps nothing.')
        chat.line('/pipeline nope')
        chat.expect("no pipeline 'nope'")
        chat.send('/expo\t')
        chat.expect('rt ')
        path = os.path.join(self.folder, 'out.md')
        chat.line(path)
        chat.expect('written to')
        with open(path, encoding='utf-8') as file:
            text = file.read()
        self.assertLess(text.index('First?'), text.index('Third?'))
        chat.line('/export ' + path)
        chat.expect('File exists')
        self.quit(chat)

    def test_what_is_not_kept_is_told_again(self):
        chat = self.terminal('--pipeline', 'forgetful')
        for text in ('One?', 'Two?'):
            chat.line(text)
            chat.expect('Hello from the model.')
            chat.expect(PROMPT)
        self.assertEqual(self.asked(), [('user', 'One?'), ('assistant', 'Hello from the model.'),
                                        ('user', 'Two?')])
        path = os.path.join(self.folder, 'out.md')
        chat.line('/export ' + path)
        chat.expect('written to')
        with open(path, encoding='utf-8') as file:
            self.assertIn('## You\n\nTwo?\n', file.read())
        self.quit(chat)

    def test_terminated(self):
        chat = self.terminal()
        chat.process.send_signal(signal.SIGTERM)
        self.assertEqual(chat.end(), 0)
        self.assertTrue(chat.echoes())


class Piped(Chat):
    def run_chat(self, text, *more, **env):
        return server.run(*self.arguments(*more), input=text, env={**self.env, **env})

    def test_each_line_is_a_question(self):
        self.model.then(upstream.completion('**As it came**, \x1b[31mall.'))
        done = self.run_chat('One\nTwo \\\nlines\n')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertEqual(done.stdout, '**As it came**, \x1b[31mall.\nHello from the model.\n')
        self.assertEqual(self.asked()[-1], ('user', 'Two \nlines'))
        self.assertFalse(os.path.exists(self.state))

    def test_what_fails_is_told(self):
        self.model.then(upstream.error(400, 'no way'))
        done = self.run_chat('One')
        self.assertEqual((done.returncode, done.stdout), (2, ''))
        self.assertRegex(done.stderr, r'\Apatchbay: .*no way.*\n\Z')
        self.assertEqual(self.run_chat('x', '--pipeline', 'nope').returncode, 5)
        done = self.run_chat('x', '--conversation', 'nope')
        self.assertEqual(done.returncode, 2)
        self.assertIn('--conversation', done.stderr)

    def test_a_conversation_goes_on(self):
        self.run_chat('One\n')
        listed = server.run('conversations', 'list', '-c', CONFIG, '--data-dir', self.data,
                            env=self.env)
        identity = json.loads(listed.stdout)['conversations'][0]['id']
        self.run_chat('Two\n', '--conversation', identity)
        self.assertEqual([text for _, text in self.asked()], ['One', 'Hello from the model.', 'Two'])

    def test_beside_a_running_server(self):
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        env = {**self.env, 'LISTEN': f'127.0.0.1:{port}'}
        running = server.Server(CONFIG, env=env, data_dir=self.data)
        try:
            done = self.run_chat('Hello\n', LISTEN=f'127.0.0.1:{running.port}')
            self.assertEqual((done.returncode, done.stdout), (0, 'Hello from the model.\n'),
                             done.stderr)
            url = f'http://127.0.0.1:{running.port}'
            done = server.run('chat', '--url', url, input='There\n/explain\n', env=self.env)
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            self.assertIn('Hello from the model.\n', done.stdout)
            self.assertIn('pipeline  support', done.stdout)
        finally:
            self.assertEqual(running.stop(), 0)


class Server(Chat):
    """A server that the test writes: what comes is shown, whatever it is."""

    def events(self, *events):
        def answer(connection, _request):
            connection.sendall(upstream.STREAM_HEAD)
            for name, data in events:
                connection.sendall(upstream.chunk(f'event: {name}\ndata: {json.dumps(data)}\n\n'
                                                  .encode()))
            connection.sendall(b'0\r\n\r\n')
        return answer

    def answered(self, *more):
        return self.events(('turn', {'id': 'turn-1', 'conversation': None, 'pipeline': 'p'}),
                           ('stage', {'name': 'retrieve', 'state': 'begin'}), *more,
                           ('done', {'answered_by': {'llm': 'quotes', 'fallback': True}}))

    def url(self):
        return self.model.url.removesuffix('/v1')

    def test_sources_are_footnotes(self):
        other = {'index': 2, 'document': 'other.md', 'score': 0.5, 'quote': 'Not cited.'}
        self.model.then(self.answered(('source', SOURCE), ('source', other),
                                      ('text', {'delta': 'Run it [1].'})))
        chat = Terminal('chat', '--url', self.url(), env=self.env, columns=60)
        self.addCleanup(chat.__exit__)
        chat.expect(PROMPT)
        chat.line('How?')
        chat.expect('Run it [1].\n\n  [1] guide.md › Install, lines 3–9  0.83\n')
        chat.expect('1 more')
        chat.expect('answered by quotes')
        self.assertIn(b'\x1b[0;2m  0.83', chat.raw)
        chat.expect(PROMPT)
        chat.line('/sources')
        chat.expect('https://x.example/guide\n    │ Run the installer.\n    │ Then wait.\n')
        chat.expect('│ Not cited.')
        self.quit(chat)

    def test_sources_when_piped(self):
        self.model.then(self.answered(('text', {'delta': 'No mark.'}), ('source', SOURCE)))
        done = server.run('chat', '--url', self.url(), input='How?\n', env=self.env)
        self.assertEqual(done.stdout,
                         'No mark.\n\n  [1] guide.md › Install, lines 3–9  0.83\n')

    def test_nobody_answers(self):
        self.model.close()
        done = server.run('chat', '--url', 'http://127.0.0.1:1', input='How?\n', env=self.env)
        self.assertEqual(done.returncode, 14)
        self.assertIn('no server answers', done.stderr)

    def test_an_answer_that_breaks_off(self):
        self.model.then(self.events(('turn', {'id': 't', 'conversation': None}),
                                    ('text', {'delta': 'Half'})))
        done = server.run('chat', '--url', self.url(), input='How?\n', env=self.env)
        self.assertEqual(done.stdout, 'Half\n')
        self.assertIn('before it was whole', done.stderr)
        self.assertNotEqual(done.returncode, 0)


if __name__ == '__main__':
    unittest.main()
