"""clients/typescript as an application has it: made with `npm pack`, installed, compiled against, and played in
Node and in a browser against the real server."""
import http.server
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import unittest
import urllib.parse

import packages
from harness import server, upstream
from harness.case import ServerCase

SOURCE = os.path.join(server.ROOT, 'clients', 'typescript')
HERE = os.path.join(packages.HERE, 'typescript')
APPLICATION = os.path.join(server.ROOT, 'build', 'clients-typescript')
KEY = 'planted-key-of-root-0123456789'
TEXT = 'Hello from the model.'
PATIENCE = 60


def files_of(folder):
    for at, folders, names in sorted(os.walk(folder)):
        folders[:] = [name for name in folders if name not in ('node_modules', 'dist')]
        for name in sorted(names):
            if name != 'api.ts':
                yield os.path.join(at, name)


def make_application():
    """The package made by `npm pack` and installed beside nothing but what it asks for itself."""
    if not shutil.which('npm'):
        raise unittest.SkipTest('npm is not installed')
    sources = list(files_of(SOURCE))

    def install(place):
        package, application = os.path.join(place, 'package'), os.path.join(place, 'application')
        for path in sources:
            target = os.path.join(package, os.path.relpath(path, SOURCE))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(path, target)
        quiet = ('--no-audit', '--no-fund', '--fetch-retries=1')
        packages.run(['npm', 'ci', '--ignore-scripts', *quiet], 'what the TypeScript client is made with', package)
        packed = subprocess.run(['npm', 'pack', '--silent'], cwd=package, capture_output=True, text=True,
                                timeout=300, check=False)
        if packed.returncode != 0:
            raise AssertionError(f'npm pack: {packed.stdout}{packed.stderr}')
        os.makedirs(application)
        with open(os.path.join(application, 'package.json'), 'w', encoding='ascii') as file:
            json.dump({'name': 'application', 'private': True, 'type': 'module'}, file)
        made = [name for name in os.listdir(package) if name.endswith('.tgz')]
        packages.run(['npm', 'install', *quiet, os.path.join(package, made[0])],
                     'what the TypeScript client needs', application)
    made = packages.once('typescript', packages.digest_of(sources), install)
    shutil.rmtree(APPLICATION, ignore_errors=True)
    shutil.copytree(os.path.join(made, 'application'), APPLICATION)
    for name in os.listdir(HERE):
        shutil.copy(os.path.join(HERE, name), APPLICATION)
    return os.path.join(made, 'package', 'node_modules', '.bin', 'tsc')


class Application(ServerCase):
    CONFIG = 'everything.yaml'
    ARGUMENTS = ('--set', 'transports.web.cors.origins=["*"]')

    @classmethod
    def setUpClass(cls):
        cls.compiler = make_application()
        super().setUpClass()

    def begin(self, scenario):
        raise NotImplementedError

    def told(self):
        raise NotImplementedError

    def play(self, scenario):
        self.begin(scenario)
        return self.told()


class Scenarios:
    """What is shown, wherever it runs."""

    def test_plain(self):
        self.model.then(upstream.completion(TEXT))
        self.assertEqual(self.play('plain'), {'status': 'done', 'text': TEXT, 'request': True})

    def test_stream(self):
        self.model.then(*[upstream.completion(TEXT)] * 3)
        self.assertEqual(self.play('stream'), {
            'events': ['turn', 'usage', 'done'], 'text': TEXT, 'said': TEXT, 'whole': TEXT,
            'status': 'done', 'usage': 7})

    def test_errors(self):
        told = self.play('errors')
        self.assertEqual({name: (each['ours'], each['status'], each['kind']) for name, each in told.items()},
                         {'missing': (True, 404, 'not_found'), 'invalid': (True, 400, 'invalid'),
                          'stream': (True, 400, 'invalid'), 'key': (True, 401, 'unauthenticated')})
        self.assertEqual(sorted(told['invalid']['fields']), ['/message', '/stream'])
        self.assertIn('nowhere', str(told['stream']))

    def test_pages(self):
        self.model.then(*[upstream.completion(TEXT)] * 3)
        self.assertEqual(self.play('pages'), {'seen': 3, 'asked': 3})

    def test_resumed(self):
        self.model.then(upstream.completion('One two three four five six.'))
        self.assertEqual(self.play('resumed'), {
            'text': 'One two three four five six.',
            'asked': [['/v1/turns', False], ['/v1/turns/ID/events', True]]})

    def test_cancelled(self):
        self.model.then(upstream.then_wait(
            upstream.STREAM_HEAD + upstream.chunk(upstream.event({'content': 'so far'}))))
        self.begin('cancelled')
        request = self.model.arrived.get(timeout=PATIENCE)
        self.assertEqual(self.told(), {'text': 'so far', 'name': 'AbortError'})
        self.assertTrue(request.gone.wait(PATIENCE), 'the model is still asked')


class Node(Scenarios, Application):
    def begin(self, scenario):
        self.client = subprocess.Popen(
            ['node', 'node.js', scenario], cwd=APPLICATION, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=dict(os.environ, BASE=f'http://127.0.0.1:{self.port}', KEY=KEY))

    def told(self):
        out, err = self.client.communicate(timeout=PATIENCE)
        self.assertEqual(self.client.returncode, 0, err)
        return json.loads(out)

    def test_types(self):
        done = subprocess.run(
            [self.compiler, '--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022', '--module',
             'nodenext', '--lib', 'es2022,dom,dom.iterable', 'types.ts'],
            cwd=APPLICATION, capture_output=True, text=True, timeout=PATIENCE * 3, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)


class Pages(http.server.SimpleHTTPRequestHandler):
    """The application's files; /next gives a page the scenario to play, /told takes what came of it."""

    def do_GET(self):
        if self.path == '/next':
            self.answer(self.server.wanted.get().encode())
        else:
            super().do_GET()

    def do_POST(self):
        self.server.came.put(json.loads(self.rfile.read(int(self.headers['Content-Length']))))
        self.answer(b'')

    def answer(self, body):
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Browser(Scenarios, Application):
    @classmethod
    def setUpClass(cls):
        chromium = shutil.which('chromium')
        if not chromium:
            raise unittest.SkipTest('chromium is not installed')
        super().setUpClass()
        cls.pages = http.server.ThreadingHTTPServer(
            ('127.0.0.1', 0), lambda *all: Pages(*all, directory=APPLICATION))
        cls.pages.daemon_threads = True
        cls.pages.wanted, cls.pages.came = queue.Queue(), queue.Queue()
        threading.Thread(target=cls.pages.serve_forever, daemon=True).start()
        profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(profile.cleanup)
        query = urllib.parse.urlencode({'base': f'http://127.0.0.1:{cls.port}', 'key': KEY})
        cls.browser = subprocess.Popen(
            [chromium, '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
             '--disable-background-networking', '--disable-component-update', '--disable-sync',
             f'--user-data-dir={profile.name}',
             f'http://127.0.0.1:{cls.pages.server_address[1]}/page.html?{query}'],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        cls.addClassCleanup(cls.end_browser)

    @classmethod
    def end_browser(cls):
        os.killpg(cls.browser.pid, 15)
        cls.browser.wait(PATIENCE)
        cls.pages.shutdown()
        cls.pages.server_close()

    def begin(self, scenario):
        self.pages.wanted.put(scenario)

    def told(self):
        told = self.pages.came.get(timeout=PATIENCE)
        self.assertNotIn('raised', told)
        return told
