"""telegram with two workers and a scripted Bot API: one polls, a death loses nothing and repeats nothing."""
import http.server
import json
import os
import re
import shutil
import signal
import tempfile
import threading
import time
import unittest

from built import built
from harness import client, server, upstream

TOKEN = '77:very-secret-token'
CONFIG = """\
host:
  workers: 2
  log: {level: debug, format: json}
databases:
  main: {use: sqlite}
llms:
  main: {use: openai, base_url: "${UPSTREAM}", model: m, api_key: k}
pipelines:
  support: {stages: [generate: {llm: main}]}
transports:
  web: {use: http, listen: "127.0.0.1:0", pipelines: [support]}
  bot: {use: telegram, token: "${TOKEN}", base_url: "${API}", pipeline: support, database: main, users: [7],
        edit_every: 20ms}
"""


class BotApi:
    """Hands out `updates` by offset; `calls` are (method, body)."""

    def __init__(self):
        self.changed = threading.Condition()
        self.updates, self.calls, self.polls, self.most_polls = [], [], 0, 0
        self.closing = False
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
                token, method = re.fullmatch(r'/bot([^/]+)/(\w+)', self.path).groups()
                result = api.answer(method, body, self.connection)
                data = json.dumps({'ok': token == TOKEN, 'result': result}).encode()
                self.send_response(200 if token == TOKEN else 404)
                self.send_header('Content-Type', 'application/json')
                self.send_header('Content-Length', str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def handle(self):
                try:
                    super().handle()
                except OSError:  # the asking side is gone
                    pass

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True

        self.listener = Listener(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.listener.server_address[1]}'
        self.thread = threading.Thread(target=self.listener.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def answer(self, method, body, connection):
        with self.changed:
            self.calls.append((method, body))
            self.changed.notify_all()
            if method == 'getMe':
                return {'id': 77, 'username': 'our_bot'}
            if method != 'getUpdates':
                return {'message_id': len(self.calls)}
            self.polls += 1
            self.most_polls = max(self.most_polls, self.polls)
            try:
                self.changed.wait_for(lambda: self.closing or self.after(body) or gone(connection), 60)
            finally:
                self.polls -= 1
            return self.after(body)

    def after(self, body):
        return [update for update in self.updates if update['update_id'] >= body['offset']]

    def push(self, text, chat=7):
        with self.changed:
            self.updates.append({'update_id': 100 + len(self.updates), 'message': {
                'message_id': 5, 'from': {'id': 7, 'first_name': 'Ann'}, 'text': text,
                'chat': {'id': chat, 'type': 'private'}}})
            self.changed.notify_all()

    def sent(self):
        with self.changed:
            return [body['text'] for method, body in self.calls if method == 'sendMessage']

    def wait(self, what, condition):
        """Until `condition(calls)`; whoever polls on a broken connection is let go meanwhile."""
        until = time.monotonic() + server.PATIENCE
        with self.changed:
            while not condition(self.calls):
                if time.monotonic() > until:
                    raise AssertionError(f'{what} did not come: {self.calls}')
                self.changed.wait(0.05)

    def wait_sent(self, text):
        self.wait(text, lambda calls: any(method == 'sendMessage' and text in body['text']
                                          for method, body in calls))

    def close(self):
        with self.changed:
            self.closing = True
            self.changed.notify_all()
        self.listener.shutdown()
        self.listener.server_close()
        self.thread.join()


def gone(connection):
    """Did the other side close? `changed` wakes often enough for those that wait."""
    try:
        return connection.recv(1, 0x42) == b''  # MSG_PEEK | MSG_DONTWAIT
    except BlockingIOError:
        return False
    except OSError:
        return True


class Telegram(unittest.TestCase):
    def setUp(self):
        self.built = built()
        if 'telegram' not in self.built.plugins:
            self.skipTest(self.built.left_out.get('telegram', 'telegram was not built'))
        self.folder = tempfile.mkdtemp(prefix='patchbay-telegram-')
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.model, self.api = upstream.Upstream(), BotApi()
        self.addCleanup(self.model.close)
        self.addCleanup(self.api.close)
        self.config = os.path.join(self.folder, 'patchbay.yaml')
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write(CONFIG)
        binary, server.BINARY = server.BINARY, self.built.program
        self.addCleanup(setattr, server, 'BINARY', binary)
        self.server = self.serve()

    def tearDown(self):
        if self.server.process.poll() is None:
            self.assertEqual(self.server.stop(), 0, self.server.said[-4000:])

    def serve(self):
        return server.Server(self.config, env={'UPSTREAM': self.model.url, 'API': self.api.url, 'TOKEN': TOKEN},
                             data_dir=os.path.join(self.folder, 'data'), workers=None,
                             arguments=('--set', f'plugins.path=[{self.built.path}]'))

    def offsets(self):
        return [body['offset'] for method, body in self.api.calls if method == 'getUpdates']

    def workers(self):
        """The process ids of the workers."""
        with open(f'/proc/{self.server.process.pid}/task/{self.server.process.pid}/children',
                  encoding='utf-8') as file:
            return [int(word) for word in file.read().split()]

    def kill_poller(self):
        """The worker that has the connection to the Bot API open."""
        port = f'{self.api.listener.server_address[1]:04X}'
        for worker in self.workers():
            own = {os.readlink(f'/proc/{worker}/fd/{fd}') for fd in os.listdir(f'/proc/{worker}/fd')}
            with open(f'/proc/{worker}/net/tcp', encoding='utf-8') as file:
                for line in file.readlines()[1:]:
                    words = line.split()
                    if words[2].endswith(f':{port}') and words[3] == '01' and f'socket:[{words[9]}]' in own:
                        os.kill(worker, signal.SIGKILL)
                        return
        raise AssertionError('no worker polls')

    def test_one_of_two_workers_polls_and_answers(self):
        self.model.usual = upstream.completion('Push the door.')
        self.api.push('How does it open?')
        self.api.wait_sent('Push')
        self.api.wait('the last edit', lambda calls: any(
            method in ('sendMessage', 'editMessageText') and body['text'] == 'Push the door.'
            for method, body in calls))
        self.api.wait('the next poll', lambda _: 101 in self.offsets())
        self.assertEqual(self.api.most_polls, 1)
        self.assertEqual(len(self.model.requests), 1)
        self.assertEqual(client.request(self.server.port, 'GET', '/readyz').status, 200)
        self.assertEqual(self.server.stop(), 0, self.server.said[-4000:])
        self.assertNotIn('very-secret', self.server.said)
        self.assertNotIn('How does it open', self.server.said)

    def test_a_restart_goes_on_behind_the_last_update(self):
        self.api.push('one')
        self.api.wait_sent('Hello')
        self.api.wait('the next poll', lambda _: 101 in self.offsets())
        self.assertEqual(self.server.stop(), 0, self.server.said[-4000:])
        before = len(self.offsets())
        self.api.push('two')  # meanwhile
        self.server = self.serve()
        self.api.wait('an answer to both', lambda _: len(self.model.requests) == 2)
        self.api.wait('the poll behind them', lambda _: 102 in self.offsets())
        self.assertNotIn(0, self.offsets()[before:])
        self.assertEqual([request.json()['messages'][-1]['content'] for request in self.model.requests],
                         ['one', 'two'])

    def test_a_death_loses_nothing_and_repeats_nothing(self):
        hang = threading.Event()
        self.addCleanup(hang.set)

        def never(_connection, _request):
            hang.wait(60)
            return False
        self.model.then(never)
        self.api.push('begun')
        self.model.arrived.get(timeout=server.PATIENCE)
        self.api.push('waits')  # in the same chat: behind it
        self.api.wait('both are stored', lambda _: 102 in self.offsets())
        self.kill_poller()
        self.api.wait_sent('interrupted')
        self.api.wait_sent('Hello')
        asked = [request.json()['messages'][-1]['content'] for request in self.model.requests]
        self.assertEqual(asked, ['begun', 'waits'])
        self.assertEqual(len([text for text in self.api.sent() if 'interrupted' in text]), 1)


if __name__ == '__main__':
    unittest.main()
