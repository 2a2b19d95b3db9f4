"""HTTP over a Unix socket, and certificates."""
import http.client
import json
import os
import socket
import subprocess

from harness.client import Answer


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout=30):
        super().__init__('localhost', timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def request(path, method, target, body=None, headers=None):
    """One request over the socket at `path` ("\\0name": abstract)."""
    connection = Connection(path)
    headers = dict(headers or {})
    if body is not None:
        headers.setdefault('Content-Type', 'application/json')
    try:
        connection.request(method, target, body and json.dumps(body), headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def make_certificate(folder, serial):
    """certificate.pem and key.pem, renamed into place as a tool would: the key first."""
    os.makedirs(folder, exist_ok=True)
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
                    '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-set_serial',
                    str(serial), '-keyout', f'{folder}/key.new', '-out',
                    f'{folder}/certificate.new'], check=True, capture_output=True)
    os.rename(f'{folder}/key.new', f'{folder}/key.pem')
    os.rename(f'{folder}/certificate.new', f'{folder}/certificate.pem')
