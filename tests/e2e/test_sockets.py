"""Where a server listens other than on a port: Unix sockets, sockets of systemd, https whose
certificate is renewed. Always two workers."""
import json
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import time
import unittest

from harness import client, local, server, upstream

CONFIG = os.path.join(server.ROOT, 'tests', 'e2e', 'sockets.yaml')
HI = {'message': 'Hello?'}
ACTIVATOR = '''
import os, sys
fds, names, argv = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3:]
high = [os.dup(fd) for fd in fds]
while min(high) < 3 + len(high):
    high = [os.dup(fd) for fd in high]
for place, fd in enumerate(high):
    os.dup2(fd, 3 + place)
os.closerange(3 + len(high), 256)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)), LISTEN_FDNAMES=names)
os.execv(argv[0], argv)
'''.replace('import os, sys', 'import json, os, sys')


class SocketCase(unittest.TestCase):
    """One server, in front of the scripted model, with a folder of its own."""
    ENVIRONMENT = {}

    @classmethod
    def setUpClass(cls):
        cls.model = upstream.Upstream()
        cls.temporary = tempfile.TemporaryDirectory(prefix='patchbay-sockets-')
        cls.folder = cls.temporary.name
        cls.certificates = os.path.join(cls.folder, 'certificates')
        cls.data = os.path.join(cls.folder, 'data')
        os.makedirs(cls.data)
        local.make_certificate(cls.certificates, 101)
        cls.prepare()
        cls.server = cls.start()

    @classmethod
    def prepare(cls):
        """Before the server starts."""

    @classmethod
    def environment(cls):
        return dict(cls.ENVIRONMENT, UPSTREAM=cls.model.url, CERTIFICATES=cls.certificates)

    @classmethod
    def start(cls):
        return server.Server(CONFIG, env=cls.environment(), data_dir=cls.data)

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.model.close()
        try:
            if code != 0:
                raise AssertionError(f'serve ended with {code}:\n{cls.server.said[-6000:]}')
            cls.ended()
        finally:
            cls.temporary.cleanup()

    @classmethod
    def ended(cls):
        """After it stopped."""

    def ask(self, path):
        answer = local.request(path, 'POST', '/v1/turns', HI)
        self.assertEqual(answer.status, 200, answer)
        self.assertIn(b'Hello from the model.', answer.body)

    def reload(self, *command):
        done = server.run(*(command or ('reload',)), '-c', CONFIG, '--data-dir', self.data,
                          env=self.environment())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class UnixSockets(SocketCase):
    ENVIRONMENT = {'OTHER': f'unix:@patchbay-test-{os.getpid()}'}

    @classmethod
    def prepare(cls):
        """What a server that was killed leaves behind."""
        cls.path = os.path.join(cls.data, 'web.sock')
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(cls.path)

    @classmethod
    def ended(cls):
        if os.path.exists(cls.path):
            raise AssertionError('the socket was not removed')

    def test_serves(self):
        self.ask(self.path)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        self.assertIn(f'unix:{self.path}', self.server.output())

    def test_has_all_workers(self):
        held = []
        for _ in range(8):
            connection = local.Connection(self.path)
            connection.request('GET', '/healthz')
            answer = connection.getresponse()
            answer.read()
            held.append((connection, answer.headers['X-Request-Id']))
        for _, number in held:
            self.server.wait_log(number)
        workers = {line['worker'] for line in self.server.log()
                   if line.get('request') in [number for _, number in held]}
        for connection, _ in held:
            connection.close()
        self.assertEqual(workers, {1, 2})

    def test_abstract(self):
        self.ask(f'\0patchbay-test-{os.getpid()}')

    def test_commands(self):
        """The client of the commands speaks it too, by --url."""
        for url in (f'unix:{self.path}', f'unix:@patchbay-test-{os.getpid()}'):
            done = server.run('ask', '--url', url, 'Hello?')
            self.assertEqual((done.returncode, done.stdout.strip()), (0, 'Hello from the model.'),
                             done.stderr)
        done = server.run('ask', '--url', 'unix:/nowhere/web.sock', 'Hello?')
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('no server answers', done.stderr)

    def test_is_not_taken_from_who_listens(self):
        done = self.serve_elsewhere(f'unix:{self.path}')
        self.assertIn('is in use already', done.stderr)
        self.ask(self.path)

    def test_is_not_put_over_a_file(self):
        path = os.path.join(self.folder, 'precious')
        with open(path, 'w', encoding='ascii') as file:
            file.write('text')
        self.assertIn('no socket', self.serve_elsewhere(f'unix:{path}').stderr)
        with open(path, encoding='ascii') as file:
            self.assertEqual(file.read(), 'text')

    def test_where_there_is_no_folder(self):
        self.assertIn('does not exist', self.serve_elsewhere('unix:/nowhere/web.sock').stderr)

    def serve_elsewhere(self, address):
        """A second server, which must not start."""
        with tempfile.TemporaryDirectory(prefix='patchbay-sockets-') as data:
            done = server.run('serve', '-c', CONFIG, '--port', '0', '--data-dir', data,
                              env=dict(self.environment(), LOCAL=address, OTHER='127.0.0.1:0'))
        self.assertNotEqual(done.returncode, 0)
        return done

    def test_survives_a_reload_and_a_lost_file(self):
        kept = local.Connection(self.path)
        kept.connect()
        inode = os.stat(self.path).st_ino
        self.reload()
        self.assertEqual(os.stat(self.path).st_ino, inode)
        kept.request('GET', '/healthz')
        self.assertEqual(kept.getresponse().status, 200)
        kept.close()
        os.unlink(self.path)
        self.reload()
        self.ask(self.path)


class Activated(SocketCase):
    """Sockets that another process bound, as systemd does; and what it is told."""
    ENVIRONMENT = {'LOCAL': 'systemd:local', 'OTHER': 'systemd:0', 'INSECURE': 'true'}

    @classmethod
    def prepare(cls):
        cls.path = os.path.join(cls.folder, 'activated.sock')
        cls.unix = socket.socket(socket.AF_UNIX)
        cls.unix.bind(cls.path)
        cls.unix.listen()
        cls.tcp = socket.create_server(('127.0.0.1', 0))
        cls.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        cls.notices.bind(os.path.join(cls.folder, 'notify.sock'))
        cls.notices.settimeout(server.PATIENCE)
        cls.early = local.Connection(cls.path)
        cls.early.request('GET', '/healthz')  # before anybody accepts

    @classmethod
    def start(cls):
        fds = [cls.tcp.fileno(), cls.unix.fileno()]
        wrap = [sys.executable, '-c', ACTIVATOR, json.dumps(fds), 'web:local']
        kept, popen = server.WRAP, subprocess.Popen
        env = dict(cls.environment(), NOTIFY_SOCKET=os.path.join(cls.folder, 'notify.sock'))
        server.WRAP = wrap + kept
        server.subprocess.Popen = lambda *a, **k: popen(*a, **dict(k, pass_fds=fds))
        try:
            return server.Server(CONFIG, env=env, data_dir=cls.data)
        finally:
            server.WRAP, server.subprocess.Popen = kept, popen

    @classmethod
    def ended(cls):
        cls.unix.close()
        if not os.path.exists(cls.path):
            raise AssertionError('a socket of systemd was removed')
        cls.wait_notice('STOPPING=1')

    @classmethod
    def wait_notice(cls, wanted):
        said = []
        while not said or wanted not in said[-1].split('\n'):
            said.append(cls.notices.recv(4096).decode())
        return said

    def both(self):
        self.ask(self.path)
        port = self.tcp.getsockname()[1]
        answer = client.request(port, 'POST', '/v1/turns', HI)
        self.assertEqual(answer.status, 200, answer)

    def test_serves(self):
        self.assertEqual(self.early.getresponse().status, 200)
        self.both()
        self.assertIn(f'unix:{self.path}', self.server.output())

    def test_survives_reload_and_upgrade(self):
        self.wait_notice('READY=1')
        self.reload()
        self.assertTrue(any('MONOTONIC_USEC=' in said for said in self.wait_notice('READY=1')))
        self.both()
        self.reload('upgrade')
        self.wait_notice('READY=1')
        self.both()
        self.reload()
        self.wait_notice('READY=1')
        self.both()

    def test_a_name_that_was_not_handed_over(self):
        with tempfile.TemporaryDirectory(prefix='patchbay-sockets-') as data:
            done = server.run('serve', '-c', CONFIG, '--port', '0', '--data-dir', data,
                              env=dict(self.environment(), LOCAL='systemd:web', OTHER='127.0.0.1:0'))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('.socket unit', done.stderr)


class Renewed(SocketCase):
    """A certificate is renewed while two workers serve."""

    def setUp(self):
        self.secure = int(re.search(r'https://127.0.0.1:(\d+)', self.server.output()).group(1))

    def connect(self, session=None, context=None):
        context = context or self.context()
        plain = socket.create_connection(('127.0.0.1', self.secure), timeout=30)
        return context.wrap_socket(plain, session=session)

    @staticmethod
    def context():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    @staticmethod
    def serial(connection):
        text = subprocess.run(['openssl', 'x509', '-inform', 'DER', '-noout', '-serial'],
                              input=connection.getpeercert(True), capture_output=True, check=True)
        return int(text.stdout.decode().strip().partition('=')[2], 16)

    @staticmethod
    def healthy(connection):
        connection.sendall(b'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
        head = b''
        while b'\r\n\r\n' not in head:
            head += connection.recv(65536)
        return re.search(rb'X-Request-Id: (\S+)', head, re.IGNORECASE).group(1).decode()

    def wait_workers(self, mark, since):
        """Until both workers logged it; since: how many lines there were before."""
        until = time.monotonic() + server.PATIENCE
        while len({line['worker'] for line in self.server.log()[since:]
                   if mark in line.get('message', line.get('msg', ''))}) < 2:
            if time.monotonic() > until:
                raise AssertionError(f'{mark!r} is not in the log of both:\n'
                                     f'{self.server.output()[-4000:]}')
            time.sleep(0.01)

    def serials(self):
        held = [self.connect() for _ in range(8)]
        found = {self.serial(connection) for connection in held}
        for connection in held:
            connection.close()
        return found

    def test_renewal(self):
        old = self.connect()
        self.healthy(old)
        self.assertEqual(self.serials(), {101})

        since = len(self.server.log())
        local.make_certificate(self.certificates, 202)
        self.wait_workers('was renewed', since)
        self.assertEqual(self.serials(), {202})
        self.healthy(old)  # it goes on with the one that it has
        old.close()

        since = len(self.server.log())
        os.rename(f'{self.certificates}/key.pem', f'{self.certificates}/key.kept')
        with open(f'{self.certificates}/key.pem', 'w', encoding='ascii') as file:
            subprocess.run(['openssl', 'genpkey', '-algorithm', 'EC', '-pkeyopt',
                            'ec_paramgen_curve:P-256'], check=True, stdout=file,
                           stderr=subprocess.DEVNULL)
        self.wait_workers('stays in use', since)
        self.assertEqual(self.serials(), {202})
        self.server.signal(signal.SIGHUP)  # whose workers cannot start with it
        self.server.wait_log('could not be started')
        self.assertEqual(self.serials(), {202})

        os.rename(f'{self.certificates}/key.kept', f'{self.certificates}/key.pem')
        local.make_certificate(self.certificates, 303)
        self.reload()
        self.assertEqual(self.serials(), {303})

    def test_sessions_are_resumed_by_any_worker(self):
        context = self.context()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context.minimum_version = context.maximum_version = version
            first = self.connect(context=context)
            self.healthy(first)
            held = [self.connect(first.session, context) for _ in range(8)]
            numbers = [self.healthy(connection) for connection in held]
            for number in numbers:
                self.server.wait_log(number)
            workers = {line['worker'] for line in self.server.log()
                       if line.get('request') in numbers}
            self.assertEqual(workers, {1, 2})
            self.assertEqual([connection.session_reused for connection in held], [True] * 8, version)
            for connection in [first, *held]:
                connection.close()


class Units(unittest.TestCase):
    """The files for systemd: it understands every line, and the service is confined."""

    def test_are_understood(self):
        if not shutil.which('systemd-analyze'):
            self.skipTest('systemd-analyze is not installed (package systemd)')
        folder = os.path.join(server.ROOT, 'packaging', 'systemd')
        with tempfile.TemporaryDirectory(prefix='patchbay-units-') as here:
            with open(f'{folder}/patchbay.service.in', encoding='utf-8') as file:
                text = file.read().replace('@CMAKE_INSTALL_FULL_BINDIR@', server.BUILD)
            with open(f'{here}/patchbay.service', 'w', encoding='utf-8') as file:
                file.write(text)
            shutil.copy(f'{folder}/patchbay.socket', here)
            done = subprocess.run(['systemd-analyze', 'verify', f'{here}/patchbay.socket',
                                   f'{here}/patchbay.service'], capture_output=True, text=True,
                                  check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ''))
        for line in ('NoNewPrivileges=yes', 'ProtectSystem=strict', 'Type=notify', 'LimitCORE=0'):
            self.assertIn(f'\n{line}\n', text)
