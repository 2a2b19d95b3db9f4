"""What the limits of the host change for plugins that set none themselves: a stage that asks a server, waits in its
start and holds the loop, as its options say."""
import os
import select
import socket
import subprocess
import tempfile
import unittest

from harness import client, server, upstream
from test_upstreams import Deaf

SOURCE = r'''
#include <patchbay/patchbay.h>
#include <unistd.h>
struct it { pb_str url; bool late, hold; };
static const pb_field options[] = {
    PB_STR(struct it, url, .help = "What is asked."),
    PB_BOOL(struct it, late, .help = "Its start takes long."),
    PB_BOOL(struct it, hold, .help = "It holds the loop."), PB_END };
static pb_status start(void *self)
{
    return ((struct it *)self)->late ? pb_sleep(3600 * PB_SECOND) : PB_OK;
}
static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct it *it = self;
    pb_http_spec spec = pb_http_spec_make("GET", it->url);
    pb_http *http;
    pb_str body;
    if (it->hold)
        usleep(400000);
    if (it->url.size) {
        pb_status status = pb_http_open(&spec, &http);
        if (status != PB_OK)
            return status;
        status = pb_http_read_all(http, &body);
        pb_http_close(http);
        if (status != PB_OK)
            return status;
    }
    return pb_run_next(next, turn);
}
PB_PLUGIN("ask", "1.0.0", "MIT", "Asks.", PB_STAGE("ask", struct it, options, .start = start, .run = run));
'''
CONFIG = '''plugins: {path: [plugins]}
llms: {script: {use: replay, notice: "", replies: [{text: Hello}]}}
pipelines:
  tls: {stages: [{ask: {url: "https://127.0.0.1:DEAF/"}}, {generate: {llm: script}}]}
  deaf: {stages: [{ask: {url: "http://127.0.0.1:DEAF/"}}, {generate: {llm: script}}]}
  model: {stages: [{ask: {url: "http://127.0.0.1:MODEL/"}}, {generate: {llm: script}}]}
  hold: {stages: [{ask: {hold: true}}, {generate: {llm: script}}]}
transports: {web: {use: http, listen: "127.0.0.1:0", pipelines: [tls, deaf, model, hold]}}
'''


class Limits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='patchbay-options-')
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        os.mkdir(os.path.join(cls.folder, 'plugins'))
        subprocess.run(['gcc', '-O1', '-shared', '-fPIC', '-fvisibility=hidden', '-I',
                        os.path.join(server.ROOT, 'sdk', 'include'), '-x', 'c', '-', '-o',
                        os.path.join(cls.folder, 'plugins', 'ask.so')], input=SOURCE, text=True, check=True)
        cls.deaf, cls.model = Deaf(), upstream.Upstream()
        cls.addClassCleanup(cls.deaf.close)
        cls.addClassCleanup(cls.model.close)
        cls.config = os.path.join(cls.folder, 'patchbay.yaml')
        with open(cls.config, 'w', encoding='utf-8') as file:
            file.write(CONFIG.replace('DEAF', str(cls.deaf.port)).replace('MODEL', str(cls.model.port)))

    def serve(self, *options):
        """With these of the host."""
        served = server.Server(self.config, workers=1, data_dir=tempfile.mkdtemp(prefix='data-', dir=self.folder),
                               arguments=[word for option in options for word in ('--set', f'host.{option}')])
        self.addCleanup(lambda: served.process.poll() is None and served.kill())
        return served

    def ask(self, served, pipeline):
        """Nobody waits for a default here: 5 s to connect, a minute for the rest."""
        return client.request(served.port, 'POST', '/v1/turns', {'pipeline': pipeline, 'message': 'Hello?'}, timeout=4)

    def hang(self, served, count=1):
        """So many turns that ask the deaf one."""
        raws = [client.Raw(served.port) for _ in range(count)]
        for raw in raws:
            self.addCleanup(raw.socket.close)
            raw.post('/v1/turns', {'pipeline': 'deaf', 'message': 'Hello?'})
        return raws

    def wait_deaf(self, count):
        """Until it was asked by so many more."""
        while len(self.deaf.taken) < count:
            with socket.create_connection(('127.0.0.1', self.deaf.port)):  # in line behind them
                pass

    def test_times_of_upstreams(self):
        """limits.connect, limits.first_byte, limits.between_bytes."""
        served = self.serve('limits.connect=100ms', 'limits.first_byte=200ms', 'limits.between_bytes=300ms')
        answer = self.ask(served, 'tls')
        self.assertEqual((answer.status, 'TLS handshake in time' in answer.body.decode()), (504, True), answer)
        answer = self.ask(served, 'deaf')
        self.assertEqual(answer.status, 504, answer)
        self.model.then(upstream.then_wait(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'))
        answer = self.ask(served, 'model')
        self.assertEqual(answer.status, 504, answer)

    def crowd(self, option):
        """How two other turns end, at the same place and elsewhere, while one waits for the deaf one: (status, is it
        for want of a place)."""
        served = self.serve('limits.upstream_queue=50ms', option)
        before = len(self.deaf.taken)
        self.hang(served)
        self.wait_deaf(before + 1)
        return [(answer.status, 'too many requests' in answer.body.decode())
                for answer in (self.ask(served, 'deaf'), self.ask(served, 'model'))]

    def test_places_at_upstreams(self):
        """limits.upstreams, limits.upstreams_per_host; limits.upstream_queue: else it would wait for 30 s."""
        self.assertEqual(self.crowd('limits.upstreams_per_host=1'), [(503, True), (200, False)])
        self.assertEqual(self.crowd('limits.upstreams=1'), [(503, True), (503, True)])

    def test_max_tasks(self):
        served = self.serve('max_tasks=40')
        raws = self.hang(served, 60)
        refused = select.select([raw.socket for raw in raws], [], [], server.PATIENCE)[0]
        self.assertEqual(refused[0].recv(12), b'HTTP/1.1 503')  # the deaf one never lets any other be answered

    def test_contract(self):
        """Debug builds look in any case."""
        served = self.serve('contract=true')
        self.ask(served, 'hold')
        served.wait_log("contract 4: stage 'ask'")

    def test_start(self):
        done = server.run('serve', '-c', self.config, '--data-dir', tempfile.mkdtemp(dir=self.folder), '--set',
                          'host.limits.start=300ms', '--set', 'host.workers=1', '--set',
                          'pipelines.hold={stages: [{ask: {late: true}}]}')
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('it did not serve within 300 ms', done.stderr)
