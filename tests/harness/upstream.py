"""A model whose every answer the test writes: Upstream speaks HTTP/1.1 on a free port and answers
each request with the next queued answer, or with its usual one.

An answer is a function (connection, request) that writes bytes; the ones below are the ready-made.
"""
import contextlib
import json
import queue
import socket
import ssl
import struct
import threading


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.gone = threading.Event()  # set when the asking side closed the connection

    def json(self):
        return json.loads(self.body)


class Upstream:
    def __init__(self, usual=None, certificate=None):
        self.usual = usual or completion('Hello from the model.')
        self.certificate = certificate  # (certificate file, key file)
        self.requests = []
        self.arrived = queue.Queue()    # the same, for tests that wait for one
        self.next = queue.Queue()
        self.connections = 0
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.url = f'http{"s" if certificate else ""}://127.0.0.1:{self.port}/v1'
        self.accepting = threading.Thread(target=self._accept, daemon=True)
        self.accepting.start()

    def then(self, *answers):
        """Queues answers for the next requests."""
        for answer in answers:
            self.next.put(answer)

    def close(self):
        """Waits for who accepts: the next model's listener may get the same descriptor, and would lose a
        connection to it."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.accepting.join()
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            if self.certificate:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*self.certificate)
                connection = context.wrap_socket(connection, server_side=True)
            with connection, connection.makefile('rb') as stream:
                while True:
                    request = read_request(stream)
                    if request is None:
                        return
                    self.requests.append(request)
                    self.arrived.put(request)
                    try:
                        answer = self.next.get_nowait()
                    except queue.Empty:
                        answer = self.usual
                    try:
                        if answer(connection, request) is False:
                            return
                    except OSError:
                        request.gone.set()
                        return


def read_request(stream):
    line = stream.readline()
    if not line.strip():
        return None
    method, path, _ = line.decode('latin-1').split()
    headers = {}
    while (line := stream.readline()) not in (b'\r\n', b''):
        name, _, value = line.decode('latin-1').partition(':')
        headers[name.strip().lower()] = value.strip()
    body = stream.read(int(headers.get('content-length', 0)))
    return Request(method, path, headers, body)


def whole(status, body, headers=()):
    """A complete answer; body is JSON or bytes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(connection, _request):
        lines = [f'HTTP/1.1 {status} X', 'Content-Type: application/json', *headers,
                 f'Content-Length: {len(data)}']
        connection.sendall('\r\n'.join(lines).encode() + b'\r\n\r\n' + data)
    return answer


def error(status, message, headers=(), **more):
    return whole(status, {'error': dict({'message': message, 'type': 'error', 'code': None}, **more)},
                 headers)


def completion(text, **more):
    """One completion as a whole, or as a stream of words when the request asks for one."""
    message = dict({'role': 'assistant', 'content': text}, **more)
    finish = 'tool_calls' if 'tool_calls' in message else 'stop'

    def answer(connection, request):
        if request.body and request.json().get('stream'):
            return stream(deltas_of(message), finish=finish)(connection, request)
        return whole(200, {
            'id': 'chatcmpl-1', 'object': 'chat.completion', 'created': 1700000000,
            'model': 'scripted-1', 'choices': [{'index': 0, 'message': message,
                                                'finish_reason': finish}],
            'usage': {'prompt_tokens': 11, 'completion_tokens': 7, 'total_tokens': 18}})(
                connection, request)
    return answer


def deltas_of(message):
    """What a server makes of a message when it streams: a word a delta, arguments in two halves."""
    yield {'role': 'assistant', 'content': ''}
    words = (message.get('content') or '').split(' ')
    for at, word in enumerate(words):
        if word:
            yield {'content': word + (' ' if at + 1 < len(words) else '')}
    for at, call in enumerate(message.get('tool_calls', ())):
        arguments = call['function']['arguments']
        half = len(arguments) // 2
        yield {'tool_calls': [{'index': at, 'id': call['id'], 'type': 'function',
                               'function': {'name': call['function']['name'],
                                            'arguments': arguments[:half]}}]}
        yield {'tool_calls': [{'index': at, 'function': {'arguments': arguments[half:]}}]}


def chunk(data):
    return b'%x\r\n%s\r\n' % (len(data), data)


STREAM_HEAD = (b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n'
               b'Transfer-Encoding: chunked\r\n\r\n')


def event(delta, finish=None, **more):
    data = dict({'id': 'chatcmpl-1', 'object': 'chat.completion.chunk', 'created': 1700000000,
                 'model': 'scripted-1',
                 'choices': [{'index': 0, 'delta': delta, 'finish_reason': finish}]}, **more)
    return b'data: ' + json.dumps(data).encode() + b'\n\n'


def stream(deltas, finish='stop', usage=(11, 7), end=True):
    """Events of these deltas, each in a chunk of its own; a delta may be a function to call first
    (a wait for the test's signal) and is then not sent."""
    def answer(connection, _request):
        connection.sendall(STREAM_HEAD)
        for delta in deltas:
            if callable(delta):
                delta()
            else:
                connection.sendall(chunk(event(delta)))
        if not end:
            return False
        last = event({}, finish)
        if usage:
            totals = {'prompt_tokens': usage[0], 'completion_tokens': usage[1],
                      'total_tokens': sum(usage)}
            last += event({}, usage=totals).replace(
                b'[{"index": 0, "delta": {}, "finish_reason": null}]', b'[]')
        connection.sendall(chunk(last) + chunk(b'data: [DONE]\n\n') + b'0\r\n\r\n')
        return None
    return answer


def wait_gone(connection, request):
    """Says nothing until the asking side goes; then request.gone is set. Not when it does not go."""
    connection.settimeout(30)
    try:
        if connection.recv(1):
            raise AssertionError('the asking side sent more')
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    request.gone.set()
    return False


def then_wait(*pieces):
    """Sends these bytes, then is silent until the asking side goes."""
    def answer(connection, request):
        for piece in pieces:
            connection.sendall(piece)
        return wait_gone(connection, request)
    return answer


def then_close(*pieces):
    """Sends these bytes and closes."""
    def answer(connection, _request):
        for piece in pieces:
            connection.sendall(piece)
        return False
    return answer


def then_reset(*pieces):
    """Sends these bytes and resets the connection."""
    def answer(connection, _request):
        for piece in pieces:
            connection.sendall(piece)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        connection.close()
        return False
    return answer


def endless(head, piece, total):
    """Sends head and then `piece` until `total` bytes are out or nobody takes them."""
    def answer(connection, request):
        connection.sendall(head)
        sent = 0
        try:
            while sent < total:
                connection.sendall(piece)
                sent += len(piece)
        except OSError:
            request.gone.set()
            request.sent = sent
        return False
    return answer
