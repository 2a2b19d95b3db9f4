"""SIGTERM while clients are slow: the second one ends patience, and nobody is kept waiting."""
import os
import signal
import unittest

from harness import client, server, upstream
from harness.case import COMPLETIONS

HI = {'model': 'support', 'messages': [{'role': 'user', 'content': 'Hi'}]}
BEGUN = upstream.STREAM_HEAD + upstream.chunk(upstream.event({'content': 'so far'}))


class Stopping(unittest.TestCase):
    """A drain time that no test outlives: only the second signal can end these."""

    def setUp(self):
        self.model = upstream.Upstream()
        self.server = server.Server(
            os.path.join(server.ROOT, 'tests', 'e2e', 'turns.yaml'),
            env={'UPSTREAM': self.model.url},
            arguments=('--set', 'host.drain_timeout=10m',
                       '--set', 'transports.web.limits.body_timeout=10m',
                       '--set', 'transports.web.limits.header_timeout=10m',
                       '--set', 'transports.web.limits.write_timeout=10m'))
        self.port = self.server.port

    def tearDown(self):
        self.server.kill()
        self.model.close()

    def stop_twice(self):
        self.server.signal(signal.SIGTERM)
        self.server.wait_log('asked to stop')
        self.assertIsNone(self.server.process.poll(), 'the first signal lets them end')
        self.server.signal(signal.SIGTERM)

    def assert_ended(self):
        self.assertEqual(self.server.process.wait(server.PATIENCE), 0, self.server.output())

    def test_turns_tell_their_clients(self):
        """503 where there is a status yet, an error in the stream where there is none."""
        self.model.then(upstream.then_wait(), upstream.then_wait(BEGUN))
        with client.Raw(self.port) as whole, client.Raw(self.port) as stream:
            whole.post(COMPLETIONS, HI)
            self.model.arrived.get(timeout=30)
            stream.post('/v1/turns', {'message': 'Hi', 'stream': True})
            stream.read_until(b'so far')
            self.stop_twice()
            answer = whole.answer()
            self.assertEqual(answer.status, 503, answer)
            self.assertIn('retry-after', answer.headers)
            self.assertEqual(answer.json()['error']['type'], 'server_error', answer)
            said = stream.read_all()
            self.assertIn(b'event: error', said)
            self.assertIn(b'"status":503', said)
        self.assert_ended()

    def test_half_requests(self):
        with client.Raw(self.port) as head, client.Raw(self.port) as body:
            head.send(b'POST /v1/turns HTTP/1.1\r\nHo')
            body.send(b'POST /v1/turns HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n'
                      b'Content-Type: application/json\r\nContent-Length: 99\r\n\r\n')
            body.read_until(b'100 Continue')
            body.send(b'{"message"')
            client.request(self.port, 'GET', '/healthz')
            self.stop_twice()
            head.read_all()
            body.read_all()
        self.assert_ended()

    def test_a_client_that_does_not_read(self):
        piece = upstream.chunk(upstream.event({'content': 'x' * 1000}))
        self.model.then(upstream.endless(upstream.STREAM_HEAD, piece, 1 << 30))
        with client.Raw(self.port, receive_buffer=4096) as raw:
            raw.post(COMPLETIONS, dict(HI, stream=True))
            raw.read_until(b'xxxx')
            self.stop_twice()
            self.assert_ended()
