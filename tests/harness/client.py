"""HTTP as a client of the tests speaks it: whole requests, raw bytes, server-sent events."""
import http.client
import json
import socket
import ssl


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def events(self):
        return list(parse_events(self.body))

    def __repr__(self):
        return f'{self.status} {dict(self.headers)} {self.body[:600]!r}'


def parse_events(body):
    """(event, data, id) of each event of an SSE body; data is parsed when it is JSON."""
    for block in body.decode().split('\n\n'):
        fields = {}
        for line in block.split('\n'):
            name, colon, value = line.partition(':')
            if name and colon:
                fields[name] = value.removeprefix(' ')
        if 'data' in fields:
            data = fields['data']
            yield (fields.get('event', 'message'),
                   json.loads(data) if data[:1] in '{[' and data != '[DONE]' else data,
                   fields.get('id'))


def request(port, method, path, body=None, headers=None, timeout=30, tls=False):
    """One request on a connection of its own."""
    if tls:
        connection = http.client.HTTPSConnection('127.0.0.1', port, timeout=timeout,
                                                 context=ssl._create_unverified_context())
    else:
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=timeout)
    headers = dict(headers or {})
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
        headers.setdefault('Content-Type', 'application/json')
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


class Raw:
    """A connection on which the test writes its own bytes."""

    def __init__(self, port, timeout=30, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(('127.0.0.1', port))
        self.received = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def post(self, path, body, headers=''):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send(f'POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{headers}'
                  f'Content-Length: {len(data)}\r\n\r\n'.encode() + data)

    def read_until(self, mark):
        """Reads on until `mark` was received; returns all that came so far."""
        while mark not in self.received:
            data = self.socket.recv(65536)
            if not data:
                raise AssertionError(f'closed before {mark!r}: {self.received!r}')
            self.received += data
        return self.received

    def read_all(self):
        """Reads to the end of the connection; a reset counts as the end."""
        try:
            while data := self.socket.recv(65536):
                self.received += data
        except ConnectionResetError:
            pass
        return self.received

    def answer(self):
        """Reads one answer with a Content-Length; what follows stays in `received`."""
        self.read_until(b'\r\n\r\n')
        head, _, rest = self.received.partition(b'\r\n\r\n')
        lines = head.decode('latin-1').split('\r\n')
        headers = {line.split(':', 1)[0].lower(): line.split(':', 1)[1].strip()
                   for line in lines[1:]}
        length = int(headers.get('content-length', 0))
        while len(rest) < length:
            data = self.socket.recv(65536)
            if not data:
                raise AssertionError(f'closed within a body: {self.received!r}')
            rest += data
        self.received = rest[length:]
        return Answer(int(lines[0].split()[1]), headers, rest[:length])
