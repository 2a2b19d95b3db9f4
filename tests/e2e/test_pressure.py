"""Streams under pressure: clients that stop reading, leave, dawdle, send too much. What they cost is
bounded, and what was done for them ends. No heartbeat is written here, so nothing is noticed by
writing."""
import os
import re
import select
import shutil
import socket
import ssl
import struct
import tempfile
import threading

from harness import client, local, server, upstream
from harness.case import COMPLETIONS, ServerCase

ASK = {'model': 'support', 'messages': [{'role': 'user', 'content': 'Hi'}]}
TURN = {'message': 'Hi'}
BEGUN = upstream.STREAM_HEAD + upstream.chunk(upstream.event({'content': 'so far'}))
PIECE = upstream.chunk(upstream.event({'content': 'x' * 1000})) * 32
LARGE = 50 << 20
NOTICED = 10  # seconds; the scripted model itself gives up after 30


def sanitized():
    with open(os.path.join(server.BUILD, 'CMakeCache.txt'), encoding='utf-8') as file:
        return re.search(r'^PATCHBAY_SANITIZE:\w+=\S', file.read(), re.MULTILINE) is not None


def tree(pid):
    """The process and all below it."""
    with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as file:
        below = [int(child) for child in file.read().split()]
    return [pid] + [found for child in below for found in tree(child)]


def memory(pid):
    """Bytes that they take, each shared page once."""
    total = 0
    for each in tree(pid):
        with open(f'/proc/{each}/smaps_rollup', encoding='ascii') as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith('Pss:'))
    return total << 10


def flood(request_parked, size=LARGE):
    """Sends `size` bytes of events; says when its socket took nothing for a while. It is written to
    again when it can be, as any model would."""
    def answer(connection, request):
        request.sent = 0
        connection.setblocking(False)
        left = memoryview(upstream.STREAM_HEAD)
        try:
            while request.sent < size:
                if not select.select([], [connection], [], 0.3)[1]:
                    request_parked(request)
                    select.select([], [connection], [])
                sent = connection.send(left)
                request.sent += sent
                left = left[sent:] or memoryview(PIECE)
        except OSError:
            request.gone.set()
        return False
    return answer


class Parked:
    """Which floods took nothing for a while."""

    def __init__(self):
        self.requests = set()
        self.changed = threading.Condition()

    def __call__(self, request):
        with self.changed:
            self.requests.add(request)
            self.changed.notify_all()

    def wait(self, count):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.requests) >= count, server.PATIENCE):
                raise AssertionError(f'only {len(self.requests)} of {count} floods were stopped')


class PressureCase(ServerCase):
    CONFIG = 'pressure.yaml'

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix='patchbay-pressure-')
        cls.addClassCleanup(shutil.rmtree, folder)
        local.make_certificate(folder, 1)
        cls.ENVIRONMENT = {'CERTIFICATES': folder}
        super().setUpClass()
        cls.port, cls.hasty, cls.secure = (
            int(port) for port in re.findall(r'at https?://127.0.0.1:(\d+)', cls.server.output())[:3])

    def dial(self, tls=False, **options):
        raw = client.Raw(self.secure if tls else self.port, timeout=server.PATIENCE, **options)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            raw.socket = context.wrap_socket(raw.socket)
        self.addCleanup(raw.socket.close)
        return raw

    def asked(self):
        return self.model.arrived.get(timeout=server.PATIENCE)


class NotReading(PressureCase):
    def test_memory_is_bounded(self):
        """Fifty clients stop reading, each with a model that would send 50 MB: the models are not read."""
        for _ in range(4):
            self.assert_well()
        self.setUp()
        count, parked = 50, Parked()
        before = memory(self.server.process.pid)
        self.model.then(*[flood(parked)] * count)
        raws = [self.dial(tls=at % 2 == 1, receive_buffer=4096) for at in range(count)]
        for raw in raws:
            raw.post(COMPLETIONS, dict(ASK, stream=True))
        parked.wait(count)
        grown = memory(self.server.process.pid) - before
        limit = count * (20 << 20 if sanitized() else 640 << 10)
        self.assertLess(grown, limit, f'{grown >> 10} kB for {count} clients')
        asked = [self.asked() for _ in raws]
        self.assertLess(max(request.sent for request in asked), LARGE // 2)
        self.assert_well()
        for raw in raws:
            raw.socket.close()
        for request in asked:
            self.assertTrue(request.gone.wait(server.PATIENCE), 'the model is no longer asked')

    def test_goes_on_when_read_again(self):
        parked, size = Parked(), 24 << 20
        self.model.then(flood(parked, size))
        raw = self.dial(receive_buffer=4096)
        raw.post(COMPLETIONS, dict(ASK, stream=True))
        parked.wait(1)
        request = self.asked()
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        taken = 0
        while request.sent < size:
            taken += len(raw.socket.recv(1 << 20))
        self.assertGreater(taken, 0)

    def test_is_dropped_after_its_limit(self):
        for path, body in ((COMPLETIONS, dict(ASK, stream=True)), ('/v1/turns', dict(TURN, stream=True))):
            with self.subTest(path=path):
                self.setUp()
                self.model.then(flood(lambda request: None))
                raw = client.Raw(self.hasty, receive_buffer=4096)
                self.addCleanup(raw.socket.close)
                raw.post(path, body)
                raw.read_until(b'xxxx')
                self.assertTrue(self.asked().gone.wait(server.PATIENCE), 'the model is no longer asked')


class Leaving(PressureCase):
    """The model is silent when its client leaves."""

    def leave(self, how, tls, path, body, answer):
        self.model.then(answer)
        raw = self.dial(tls)
        raw.post(path, body)
        asked = self.asked()
        if body.get('stream') and answer is not self.silent:
            raw.read_until(b'so far')
        if how == 'half':
            (raw.socket.unwrap if tls else lambda: raw.socket.shutdown(socket.SHUT_WR))()
        else:
            raw.socket.close()
        self.assertTrue(asked.gone.wait(NOTICED), 'the model is no longer asked')

    silent = staticmethod(upstream.then_wait())

    def test_closes(self):
        begun = upstream.then_wait(BEGUN)
        for tls in (False, True):
            for path, body in ((COMPLETIONS, ASK), ('/v1/turns', TURN)):
                for stream, answer in ((False, self.silent), (True, self.silent), (True, begun)):
                    with self.subTest(tls=tls, path=path, stream=stream, begun=answer is begun):
                        self.setUp()
                        self.leave('close', tls, path, dict(body, stream=stream), answer)
        self.assert_well()

    def test_ends_its_side(self):
        """A client that says that it sends no more is taken as gone, as README.md says."""
        self.leave('half', False, COMPLETIONS, ASK, self.silent)
        self.leave('half', False, COMPLETIONS, dict(ASK, stream=True), upstream.then_wait(BEGUN))
        self.assert_well()

    def test_behind_more_than_is_read(self):
        """Reading has stopped for what came too early; that its client left is seen all the same."""
        self.model.then(self.silent)
        raw = self.dial()
        raw.post(COMPLETIONS, ASK)
        asked = self.asked()
        before, sent = memory(self.server.process.pid), 0
        pile = b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n' * 1000
        while select.select([], [raw.socket], [], 0.3)[1]:  # up to what the kernels hold
            sent += raw.socket.send(pile)
            self.assertLess(sent, 64 << 20)
        self.assertLess(memory(self.server.process.pid) - before, 4 << 20)
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        raw.socket.close()  # an end in order would wait behind what is not read
        self.assertTrue(asked.gone.wait(NOTICED), 'the model is no longer asked')
        self.assert_well()


class Dawdling(PressureCase):
    def test_a_slow_header_and_a_slow_body(self):
        for part in (b'POST /v1/turns HTTP/1.1\r\nHost: localhost\r\nX-Slow: ',
                     b'POST /v1/turns HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
                     b'Content-Length: 1000\r\n\r\n{"message"'):
            with self.subTest(part=part):
                raw = client.Raw(self.hasty)
                self.addCleanup(raw.socket.close)
                raw.send(part)
                while not select.select([raw.socket], [], [], 0.02)[0]:
                    raw.send(b'a')  # a byte now and then is no progress
                self.assertRegex(raw.read_all(), rb'^HTTP/1.1 408 ')

    def test_too_many(self):
        """Each worker has its limit; who comes then is told, and one that leaves makes room."""
        held, refused = [], None
        while refused is None and len(held) <= 20:
            raw = client.Raw(self.hasty)
            self.addCleanup(raw.socket.close)
            raw.send(b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
            answer = raw.answer()
            if answer.status == 503:
                refused = answer
            else:
                held.append(raw)
        self.assertIsNotNone(refused, f'{len(held)} are served')
        self.assertIn('too many connections', refused.json()['detail'])
        self.assertGreaterEqual(len(held), 10)
        for raw in held:
            raw.socket.close()
        status = 503
        while status == 503:
            status = client.request(self.hasty, 'GET', '/healthz').status
        self.assertEqual(status, 200)


