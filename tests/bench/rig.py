"""The bench's parts: starts the model, the relay, nginx and Patchbay, each pinned, and measures
their processes. The server under test has one core, the load and the model have the other."""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
KEY = 'bench-key-0123456789abcdef'
PATH = '/v1/chat/completions'


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Away(Exception):
    """Something that cannot be had here."""


class Server:
    """A running process that listens on a port."""
    headers = ''

    def __init__(self, process, port, path=PATH, tls=False):
        self.process, self.port, self.path, self.tls = process, port, path, tls

    def pids(self):
        """The process and all below it: a supervisor and its workers."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as file:
                todo += [int(child) for child in file.read().split()]
        return found

    def cpu_ns(self):
        """CPU time of all their threads so far."""
        total = 0
        for pid in self.pids():
            folder = f'/proc/{pid}/task'
            for task in os.listdir(folder):
                with open(f'{folder}/{task}/schedstat', encoding='ascii') as file:
                    total += int(file.read().split()[0])
        return total

    def memory_kb(self):
        """Their proportional share of memory."""
        total = 0
        for pid in self.pids():
            with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith('Pss:'))
        return total


class Rig:
    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.folder = tempfile.mkdtemp(prefix='patchbay-bench-')
        self.running = []
        cores = sorted(os.sched_getaffinity(0))
        self.own, self.other = (cores[0], cores[1]) if len(cores) > 1 else (cores[0], cores[0])
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                        'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
                        '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost',
                        '-keyout', f'{self.folder}/key.pem', '-out',
                        f'{self.folder}/certificate.pem'], check=True, capture_output=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop_all()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop_all(self):
        for process in reversed(self.running):
            self.stop(process)

    def stop(self, process):
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.running.remove(process)

    def spawn(self, argv, core, **options):
        process = subprocess.Popen(['taskset', '-c', str(core)] + argv, **options)
        self.running.append(process)
        return process

    def program(self, name):
        return os.path.join(self.build, 'tests', 'bench', 'bench_' + name)

    def announced(self, argv, core):
        """Starts one of our programs, which print their port."""
        process = self.spawn(argv, core, stdout=subprocess.PIPE, text=True)
        return Server(process, int(process.stdout.readline()))

    def mock(self, gap=0, tokens=66, tls=False):
        argv = [self.program('mock'), '--gap', str(gap), '--tokens', str(tokens)]
        if tls:
            argv += ['--certificate', f'{self.folder}/certificate.pem',
                     '--key', f'{self.folder}/key.pem']
        server = self.announced(argv, self.other)
        server.tls = tls
        return server

    def relay(self, upstream):
        return self.announced([self.program('relay'), '--to', str(upstream.port)], self.own)

    def nginx(self, upstream, stream=False, tls=False):
        port = free_port()
        values = {'folder': self.folder, 'upstream': upstream.port, 'port': port,
                  'ssl': 'ssl' if tls else '', 'scheme': 'https' if upstream.tls else 'http',
                  'buffering': 'off' if stream else 'on', 'buffer': '4k' if stream else '64k'}
        with open(f'{HERE}/nginx.conf.in', encoding='ascii') as file:
            text = file.read()
        for name, value in values.items():
            text = text.replace(f'@{name}@', str(value))
        path = f'{self.folder}/nginx-{port}.conf'
        with open(path, 'w', encoding='ascii') as file:
            file.write(text)
        process = self.spawn(['nginx', '-p', self.folder, '-c', path], self.own)
        wait_open(process, port)
        return Server(process, port, tls=tls)

    def patchbay(self, upstream, tls=False, wrap=(), config=None, workers=1, core=None, data=None):
        """Serves bench.yaml, or another, in front of the model."""
        port = free_port()
        data = data or f'{self.folder}/data-{port}'
        config = config or ('bench-tls' if tls else 'bench')
        os.makedirs(data, exist_ok=True)
        environment = dict(os.environ, BENCH_MODEL=f'http{"s" if upstream.tls else ""}://127.0.0.1:'
                           f'{upstream.port}/v1', BENCH_KEY=KEY, BENCH_FOLDER=self.folder,
                           SSL_CERT_FILE=f'{self.folder}/certificate.pem')
        argv = [*wrap, f'{self.build}/patchbay', 'serve', '-c',
                f'{HERE}/{config}.yaml', '--port', str(port), '--data-dir', data,
                '--set', f'host.workers={workers}']
        with open(f'{self.folder}/patchbay-{port}.log', 'wb') as log:
            process = self.spawn(argv, self.own if core is None else core, stdout=log, stderr=log,
                                 env=environment)
        server = Server(process, port, tls=tls)
        wait_ready(server, 120 if wrap else 10)
        return server

    def portkey(self, upstream):
        """A peer gateway, from npm; raises Away where it cannot be installed."""
        place = os.path.join(ROOT, 'build', 'portkey')
        start = f'{place}/node_modules/@portkey-ai/gateway/build/start-server.js'
        if not os.path.exists(start):
            shutil.copytree(f'{HERE}/portkey', place, dirs_exist_ok=True)
            done = subprocess.run(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'],
                                  cwd=place, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Away('the npm registry is away')
        port = free_port()
        process = self.spawn(['node', start, f'--port={port}', '--headless'], self.own, cwd=place,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_open(process, port)
        server = Server(process, port)
        server.headers = ('x-portkey-provider: openai\r\nx-portkey-custom-host: '
                          f'http://127.0.0.1:{upstream.port}/v1')
        return server

    def load(self, server, **options):
        """Runs the load to its end; returns what it tells."""
        done = subprocess.run(self.load_argv(server, options), capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise RuntimeError(f'the load failed: {done.stdout}{done.stderr}')
        return json.loads(done.stdout)

    def hold(self, server, **options):
        """Starts streams that stay; returns the process once all of them stream."""
        argv = self.load_argv(server, dict(options, hold=True, stream=True))[3:]
        process = self.spawn(argv, self.other, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             text=True)
        if process.stdout.readline() != 'held\n':
            raise RuntimeError('the streams did not start')
        return process

    def load_argv(self, server, options):
        argv = ['taskset', '-c', str(self.other), self.program('load'), '--to', str(server.port),
                '--path', server.path, '--header', f'Authorization: Bearer {KEY}' +
                (f'\r\n{server.headers}' if server.headers else '')]
        if server.tls:
            argv.append('--tls')
        for name, value in options.items():
            argv += [f'--{name.replace("_", "-")}'] + ([] if value is True else [str(value)])
        return argv


def events_of(process):
    """Events that a held load has seen so far."""
    process.stdin.write('\n')
    process.stdin.flush()
    return int(process.stdout.readline())


def get(server, path):
    with urllib.request.urlopen(f'http://127.0.0.1:{server.port}{path}', timeout=10) as answer:
        return answer.read().decode()


def wait_open(process, port):
    for _ in range(5000):
        if process.poll() is not None:
            raise RuntimeError(f'{process.args} ended with {process.returncode}')
        with socket.socket() as probe:
            if probe.connect_ex(('127.0.0.1', port)) == 0:
                return
        time.sleep(0.002)
    raise RuntimeError(f'nobody listens on {port}')


def wait_ready(server, seconds=10):
    """Polls /readyz until it answers 200; returns when that was."""
    import ssl
    context = ssl._create_unverified_context()
    url = f'http{"s" if server.tls else ""}://127.0.0.1:{server.port}/readyz'
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if server.process.poll() is not None:
            raise RuntimeError(f'{server.process.args} ended with {server.process.returncode}')
        try:
            with urllib.request.urlopen(url, timeout=5, context=context) as answer:
                if answer.status == 200:
                    return time.monotonic()
        except (OSError, urllib.error.URLError):
            time.sleep(0.0005)
    raise RuntimeError(f'{url} did not get ready in {seconds} s')
