"""One connection to each worker of a server, so that a test can say who is asked."""
import time

from harness import client
from harness.server import PATIENCE


class Workers:
    """`server` logs at debug level: its lines say which worker had which request."""

    def __init__(self, server, count=2):
        self.server = server
        self.connections = {}
        self.others = []  # kept open: who has fewer gets the next one
        until = time.monotonic() + PATIENCE
        while len(self.connections) < count:
            connection = client.Raw(server.port, timeout=60)
            worker = self._worker_of(connection)
            if worker in self.connections:
                self.others.append(connection)
            self.connections.setdefault(worker, connection)
            if time.monotonic() > until:
                raise AssertionError(f'only workers {list(self.connections)} answer')

    def _worker_of(self, connection):
        connection.send(b'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
        request = connection.answer().headers['x-request-id']
        self.server.wait_log(request)
        return next(line['worker'] for line in self.server.log() if line.get('request') == request)

    def __iter__(self):
        return iter(sorted(self.connections))

    def post(self, worker, path, body, headers=None):
        self.send(worker, path, body, headers)
        return self.connections[worker].answer()

    def send(self, worker, path, body, headers=None):
        """Without waiting for the answer."""
        lines = ''.join(f'{name}: {value}\r\n' for name, value in (headers or {}).items())
        self.connections[worker].post(path, body, lines)

    def answer(self, worker):
        return self.connections[worker].answer()

    def close(self):
        for connection in [*self.connections.values(), *self.others]:
            connection.socket.close()
