"""What options of the host and of the transport http change: a server with them, and one without."""
import grp
import os
import socket
import tempfile
import time
import unittest

from harness import client, server
from test_upstreams import certificate

CONFIG = '''llms: {script: {use: replay, notice: "", replies: [{text: Hello}]}}
pipelines: {p: {stages: [{generate: {llm: script}}]}}
transports: {web: {use: http, listen: "127.0.0.1:0", pipelines: [p]}}
'''


class Served(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='patchbay-options-')
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.config = os.path.join(self.folder, 'patchbay.yaml')
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write(CONFIG)

    def serve(self, *options):
        served = server.Server(self.config, workers=1, data_dir=os.path.join(self.folder, 'data'),
                               arguments=[word for option in options for word in ('--set', option)])
        self.addCleanup(lambda: served.process.poll() is None and served.kill())
        return served

    def workers(self, served):
        path = f'/proc/{served.process.pid}/task/{served.process.pid}/children'
        with open(path, encoding='ascii') as file:
            return file.read().split()

    def test_log_level(self):
        """host.log.level: warn writes nothing of a start and a stop that went well; debug more than info."""
        said = {}
        for level in ('warn', 'info', 'debug'):
            served = self.serve(f'host.log.level={level}', 'host.log.format=json')
            client.request(served.port, 'POST', '/v1/turns', {'message': 'Hello?'})
            self.assertEqual(served.stop(), 0)
            said[level] = {word for word in ('debug', 'info') if f'"level":"{word}"' in served.said}
        self.assertEqual(said, {'warn': set(), 'info': {'info'}, 'debug': {'info', 'debug'}})

    def test_log_format(self):
        """host.log.format: one JSON object a line, or text."""
        for form, json_lines in (('json', True), ('text', False)):
            served = self.serve(f'host.log.format={form}')
            self.assertEqual(served.stop(), 0)
            self.assertEqual(any(line.startswith('{') for line in served.said.splitlines()), json_lines)

    def test_run_dir(self):
        """host.run_dir: where the control socket is."""
        for option, folder in ((), 'run'), (('host.run_dir=elsewhere',), 'elsewhere'):
            served = self.serve(*option)
            self.assertTrue(os.path.exists(os.path.join(self.folder, 'data', folder, 'control.sock')))
            self.assertEqual(served.stop(), 0)

    def test_core(self):
        """host.core: how large a core dump of a worker may be."""
        sizes = []
        for option in ('false', 'true'):
            served = self.serve(f'host.core={option}')
            for pid in self.workers(served):
                with open(f'/proc/{pid}/limits', encoding='ascii') as file:
                    sizes.append(next(line for line in file if line.startswith('Max core file size')).split()[4])
            self.assertEqual(served.stop(), 0)
        self.assertEqual(sizes[0], '0')
        self.assertNotIn('0', sizes[1:])

    def test_hsts(self):
        """tls.hsts: what browsers are told."""
        files = certificate(self.folder)
        for option, told in ((), None), (('transports.web.tls.hsts=365d',), 'max-age=31536000'):
            served = self.serve(f'transports.web.tls={{certificate: {files[0]}, key: {files[1]}}}', *option)
            answer = client.request(served.port, 'GET', '/healthz', tls=True)
            self.assertEqual(answer.headers['strict-transport-security'], told)
            self.assertEqual(served.stop(), 0)

    def test_group(self):
        """socket.group: whose the socket is; somebody else than root may name groups of their own alone."""
        own = [entry for entry in grp.getgrall() if entry.gr_gid != os.getegid()
               and (os.geteuid() == 0 or entry.gr_gid in os.getgroups())]
        if not own:
            self.skipTest('there is one group alone that a file of this user can have')
        served = self.serve('transports.own={use: http, listen: "unix:own.sock", pipelines: [p], '
                            f'socket: {{group: {own[0].gr_name}}}}}')
        self.assertEqual(os.stat(os.path.join(self.folder, 'data', 'own.sock')).st_gid, own[0].gr_gid)
        self.assertEqual(served.stop(), 0)

    def test_max_upload(self):
        """limits.max_upload: the default is larger than `max_document`, here it comes first."""
        served = self.serve('databases={main: {use: sqlite}}', 'blob_stores={files: {use: filesystem}}',
                            'vector_stores={passages: {use: embedded}}', 'services={knowledge: {pipeline: p}}',
                            'transports.web.limits.max_upload=1KiB')
        for size, status in (1000, 201), (1100, 413):
            answer = client.request(served.port, 'POST', '/v1/documents?name=a.txt', b'x' * size,
                                    {'Content-Type': 'text/plain'})
            self.assertEqual(answer.status, status, answer)
        self.assertEqual(served.stop(), 0)

    def test_connections_per_address(self):
        """limits.connections_per_address: who has as many already is not served."""
        served = self.serve('transports.web.limits.connections_per_address=2')
        held = [socket.create_connection(('127.0.0.1', served.port)) for _ in range(2)]
        for each in held:
            self.addCleanup(each.close)
            each.sendall(b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
            self.assertIn(b'200 OK', each.recv(100))
        with socket.create_connection(('127.0.0.1', served.port)) as third:
            third.settimeout(30)
            try:
                third.sendall(b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
                said = third.recv(100)
            except ConnectionError:
                said = b''
            self.assertNotIn(b'200 OK', said)
        self.assertEqual(served.stop(), 0)

    def test_keepalive_timeout(self):
        """limits.keepalive_timeout: an idle connection is closed long before the default, 75 s."""
        served = self.serve('transports.web.limits.keepalive_timeout=50ms')
        with socket.create_connection(('127.0.0.1', served.port)) as idle:
            idle.settimeout(30)
            idle.sendall(b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
            begun = time.monotonic()
            while idle.recv(4096):
                pass
            self.assertLess(time.monotonic() - begun, 29)
        self.assertEqual(served.stop(), 0)
