"""Clients that vanish, stall, dawdle: the model's connection ends, the next turn is fine."""
import socket
import struct

from harness import client, upstream
from harness.case import COMPLETIONS, ServerCase

HI = {'model': 'support', 'messages': [{'role': 'user', 'content': 'Hi'}]}
BEGUN = upstream.STREAM_HEAD + upstream.chunk(upstream.event({'content': 'so far'}))


class Vanishing(ServerCase):
    CONFIG = 'turns.yaml'

    def test_before_the_answer(self):
        for how in ('close', 'reset'):
            for path, body in ((COMPLETIONS, HI), (COMPLETIONS, dict(HI, stream=True)),
                               ('/v1/turns', {'message': 'Hi'}),
                               ('/v1/turns', {'message': 'Hi', 'stream': True})):
                with self.subTest(how=how, path=path, stream=body.get('stream')):
                    self.model.then(upstream.then_wait())
                    with client.Raw(self.port) as raw:
                        raw.post(path, body)
                        asked = self.model.arrived.get(timeout=30)
                        if how == 'reset':
                            raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                  struct.pack('ii', 1, 0))
                    self.assertTrue(asked.gone.wait(30), 'the model is no longer asked')
                    self.assert_well()
                    self.setUp()

    def test_during_the_answer(self):
        for path, body in ((COMPLETIONS, dict(HI, stream=True)),
                           ('/v1/turns', {'message': 'Hi', 'stream': True})):
            with self.subTest(path=path):
                self.model.then(upstream.then_wait(BEGUN))
                with client.Raw(self.port) as raw:
                    raw.post(path, body)
                    raw.read_until(b'so far')
                self.assertTrue(self.model.arrived.get(timeout=30).gone.wait(30))
                self.assert_well()
                self.setUp()

    def test_within_its_request(self):
        for part in (b'P', b'POST /v1/turns HTTP/1.1\r\nHost: local',
                     b'POST /v1/turns HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{"me'):
            with client.Raw(self.port) as raw:
                raw.send(part)
            self.assert_well()
            self.assertEqual(len(self.model.requests), 1)
            self.setUp()

    def test_behind_a_pile_of_requests(self):
        """More came after the request than is read before its answer: the end is seen all the same."""
        for how in ('close', 'reset'):
            with self.subTest(how=how):
                self.model.then(upstream.then_wait())
                with client.Raw(self.port) as raw:
                    raw.post(COMPLETIONS, HI)
                    asked = self.model.arrived.get(timeout=30)
                    raw.send(b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n' * 3000)
                    if how == 'reset':
                        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                              struct.pack('ii', 1, 0))
                self.assertTrue(asked.gone.wait(30), 'the model is no longer asked')
                self.assert_well()
                self.setUp()

    def test_many_at_once(self):
        """A hundred go away together; nothing of them stays."""
        self.model.then(*[upstream.then_wait(BEGUN)] * 100)
        raws = [client.Raw(self.port) for _ in range(100)]
        for raw in raws:
            raw.post(COMPLETIONS, dict(HI, stream=True))
        for raw in raws:
            raw.read_until(b'so far')
        for raw in raws:
            raw.socket.close()
        for _ in raws:
            self.assertTrue(self.model.arrived.get(timeout=30).gone.wait(30))
        self.assert_well()


class Dawdling(ServerCase):
    CONFIG = 'turns.yaml'

    def test_stops_reading(self):
        """The model is not read further than buffers go, then the client is given up."""
        piece = upstream.chunk(upstream.event({'content': 'x' * 1000}))
        self.model.then(upstream.endless(upstream.STREAM_HEAD, piece, 1 << 30))
        with client.Raw(self.port, receive_buffer=4096) as raw:
            raw.post(COMPLETIONS, dict(HI, stream=True))
            raw.read_until(b'xxxx')
            asked = self.model.arrived.get(timeout=30)
            self.assertTrue(asked.gone.wait(60), 'the model is no longer asked')
            self.assertLess(asked.sent, 64 << 20)
        self.assert_well()

    def test_reads_slowly(self):
        """Back-pressure: a reply that is larger than all buffers arrives whole, however slowly."""
        words = [{'content': 'w' * 1000}] * 8000
        self.model.then(upstream.stream(words))
        with client.Raw(self.port, receive_buffer=4096) as raw:
            raw.post(COMPLETIONS, dict(HI, stream=True))
            size = 0
            tail = b''
            while b'[DONE]' not in tail:
                data = raw.socket.recv(4096)
                self.assertTrue(data, 'closed early')
                size += data.count(b'w')
                tail = (tail + data)[-64:]
        self.assertGreaterEqual(size, 8000 * 1000)
        self.assert_well()

    def test_a_header_byte_by_byte(self):
        with client.Raw(self.port, timeout=60) as raw:
            raw.send(b'POST /v1/turns HTTP/1.1\r\nHo')
            said = raw.read_all()
        self.assertTrue(said == b'' or said.startswith(b'HTTP/1.1 408'), said)
        self.assert_well()

    def test_a_body_byte_by_byte(self):
        with client.Raw(self.port, timeout=60) as raw:
            raw.send(b'POST /v1/turns HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{')
            said = raw.read_all()
        self.assertTrue(said.startswith(b'HTTP/1.1 408'), said)
        self.assert_well()

    def test_a_body_that_stops(self):
        """Each dialect tells it in its own shape."""
        for path in (COMPLETIONS, '/v1/turns', '/healthz'):
            with self.subTest(path=path), client.Raw(self.port, timeout=60) as raw:
                method = 'GET' if path == '/healthz' else 'POST'
                raw.send(f'{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n'
                         'Content-Type: application/json\r\n\r\n{'.encode())
                answer = raw.answer()
                self.assertEqual(answer.headers['connection'], 'close')
                if path == COMPLETIONS:
                    self.assert_openai_error(answer, 408)
                else:
                    self.assert_problem(answer, 408, 'timeout')
                self.assertEqual(raw.read_all(), b'')
        self.assert_well()

    def test_sends_nothing(self):
        """Idle connections cost nothing and hinder nobody."""
        idle = [client.Raw(self.port) for _ in range(50)]
        self.assert_well()
        for raw in idle:
            raw.socket.close()
        self.assert_well()
