"""Health, metrics, logs, secrets, draining."""
import json
import os
import signal
import subprocess
import threading

from harness import client, server, upstream
from harness.case import COMPLETIONS, ServerCase


class Operations(ServerCase):
    CONFIG = 'turns.yaml'

    def test_health(self):
        self.assertEqual(self.get('/healthz').status, 200)
        self.assertEqual(self.get('/readyz').status, 200)

    def test_metrics_satisfy_promtool(self):
        self.chat()
        self.chat('Hello?', stream=True)
        self.chat(model='down')
        answer = self.get('/metrics')
        self.assertEqual(answer.status, 200)
        judged = subprocess.run(['promtool', 'check', 'metrics'], input=answer.body,
                                capture_output=True, check=False)
        self.assertEqual(judged.returncode, 0, judged.stderr + judged.stdout)
        lines = answer.body.decode().splitlines()
        self.assertTrue(all(line.startswith(('#', 'patchbay_')) for line in lines if line))
        series = [line.rpartition(' ')[0] for line in lines if line and line[0] != '#']
        self.assertEqual(len(series), len(set(series)), 'a series stands there twice')
        self.assertTrue(any('support' in name for name in series), series)

    def test_metrics_count(self):
        def turns():
            return sum(float(line.rpartition(' ')[2])
                       for line in self.get('/metrics').body.decode().splitlines()
                       if line.startswith('patchbay_turns_total') and 'support' in line)
        before = turns()
        for _ in range(3):
            self.chat()
        self.assertEqual(turns() - before, 3)

    def test_log_lines_carry_the_turn(self):
        turn = self.chat(model='down').headers['x-patchbay-turn']
        self.server.wait_log(turn)
        lines = [line for line in self.server.log() if line.get('turn') == turn]
        self.assertTrue(lines)
        for line in lines:
            self.assertTrue({'time', 'level', 'message'} <= set(line), line)

    def test_config_is_masked(self):
        answer = self.get('/v1/config')
        self.assertEqual(answer.status, 200, answer)
        self.assertNotIn('planted', answer.body.decode())
        self.assertIn('base_url', answer.body.decode())

    def test_wrong_method(self):
        answer = self.get(COMPLETIONS)
        self.assertEqual(answer.status, 405, answer)
        self.assertIn('POST', answer.headers['allow'])
        self.assert_problem(self.request('DELETE', '/v1/turns'), 405)

    def test_nothing_there(self):
        self.assert_problem(self.get('/nothing'), 404)

    def test_web_page_of_a_stranger(self):
        """DNS rebinding: without auth only addresses and localhost are names of this server."""
        host = {'Host': 'evil.example.com'}
        self.assert_openai_error(self.get('/v1/models', headers=host), 403)
        self.assert_openai_error(self.get(COMPLETIONS, headers=host), 403)
        self.assert_problem(self.get('/v1/turns', headers=host), 403)


class Secrets(ServerCase):
    CONFIG = 'turns.yaml'

    def test_no_secret_leaves(self):
        """Whatever happens, the key of the model's service is in no answer and no log line."""
        key = 'sk-planted-secret-of-upstream'
        seen = []
        for answer in (upstream.completion('fine'), upstream.error(401, f'bad key {key}'),
                       upstream.error(400, f'{key} is wrong'), upstream.error(500, key),
                       upstream.then_close(b'HTTP/1.1 200 OK\r\n' + key.encode() + b'\r\n\r\n')):
            for call in (self.chat, self.turn):
                self.model.then(answer)
                seen.append(call().body.decode())
        for path in ('/v1/config', '/metrics', '/v1/turns'):
            seen.append(self.get(path).body.decode())
        self.assertNotIn(key, '\n'.join(seen))
        self.assertNotIn(key, self.server.output())


class Draining(ServerCase):
    CONFIG = 'turns.yaml'

    def test_sigterm_drains(self):
        """What runs ends well, what is new is refused, the exit code is 0."""
        go_on = threading.Event()
        self.model.then(upstream.stream([{'content': 'before '}, lambda: go_on.wait(30),
                                         {'content': 'after'}]))
        with client.Raw(self.port) as raw:
            raw.post(COMPLETIONS, {'model': 'support', 'stream': True,
                                   'messages': [{'role': 'user', 'content': 'Hi'}]})
            raw.read_until(b'before ')
            self.server.signal(signal.SIGTERM)
            self.server.wait_log('asked to stop')
            go_on.set()
            raw.read_until(b'[DONE]')
            self.assertIn(b'after', raw.received)
        self.assertEqual(self.server.process.wait(server.PATIENCE), 0)
        with self.assertRaises(OSError):
            client.request(self.port, 'GET', '/healthz')

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.model.close()


class Impatient(ServerCase):
    CONFIG = 'turns.yaml'
    ARGUMENTS = ('--set', 'host.drain_timeout=200ms')

    def test_the_end_of_the_drain_cancels(self):
        self.model.then(upstream.then_wait(upstream.STREAM_HEAD, upstream.chunk(
            upstream.event({'content': 'for ever'}))))
        with client.Raw(self.port) as raw:
            raw.post('/v1/turns', {'message': 'Hi', 'stream': True})
            raw.read_until(b'for ever')
            self.server.signal(signal.SIGTERM)
            raw.read_all()
        self.assertEqual(self.server.process.wait(server.PATIENCE), 0)
        self.assertTrue(self.model.arrived.get(timeout=30).gone.wait(30))

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.model.close()


class LogFile(ServerCase):
    CONFIG = 'turns.yaml'

    def test_reopen(self):
        """USR1 reopens the log file, as logrotate wants."""
        folder = self.server.folder.name
        path = os.path.join(folder, 'patchbay.log')
        other = server.Server(os.path.join(self.FOLDER, self.CONFIG),
                              env={'UPSTREAM': self.model.url},
                              arguments=('--set', f'host.log.file={path}'))
        try:
            client.request(other.port, 'POST', COMPLETIONS,
                           {'model': 'down', 'messages': [{'role': 'user', 'content': 'a'}]})
            os.rename(path, path + '.1')
            other.signal(signal.SIGUSR1)
            while not os.path.exists(path):
                client.request(other.port, 'GET', '/healthz')
            client.request(other.port, 'POST', COMPLETIONS,
                           {'model': 'down', 'messages': [{'role': 'user', 'content': 'a'}]})
        finally:
            self.assertEqual(other.stop(), 0)
        for name in (path, path + '.1'):
            with open(name, encoding='utf-8') as file:
                for line in file:
                    json.loads(line)
