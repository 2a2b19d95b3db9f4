"""Plugins that crash, hang, leak and lie: whoever asked them fails, the others are served throughout,
the log says who it was, and the worker is back."""
import os
import signal
import tempfile
import time
import unittest

from harness import client, server
from preload import unsynced
from traffic import Traffic
from tree import Service

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENTS = 16
SANITIZED = unsynced.sanitizer_runtime(server.BINARY) is not None


class Crimes(unittest.TestCase):
    def setUp(self):
        # no connection outlives its turn by much, so that both workers serve these clients
        self.traffic = Traffic(clients=CLIENTS, pipeline='good', keyed=0, conversations=False)
        self.addCleanup(self.traffic.close)
        self.folder = tempfile.TemporaryDirectory(prefix='patchbay-crimes-')
        self.addCleanup(self.folder.cleanup)
        self.service = Service(os.path.join(HERE, 'crimes.yaml'),
                               os.path.join(self.folder.name, 'data'),
                               {'UPSTREAM': self.traffic.url,
                                'CRIMES': os.path.join(server.BUILD, 'tests', 'faults', 'plugins'),
                                'CRIME_MEMORY': '0' if SANITIZED else '160MiB'})
        self.addCleanup(self.service.kill_all)
        self.service.start()
        self.traffic.go(self.service.port)
        self.traffic.wait_acknowledged(CLIENTS * 2)

    def ask(self, pipeline, message='Do it now!', timeout=30, **more):
        """The answer, or None when the connection broke."""
        try:
            return client.request(self.service.port, 'POST', '/v1/turns',
                                  dict({'pipeline': pipeline, 'message': message}, **more),
                                  timeout=timeout)
        except (ConnectionError, EOFError):
            return None

    def wait_workers(self, without=()):
        """Two workers that serve, none of them `without`."""
        until = time.monotonic() + server.PATIENCE
        while True:
            workers = set(self.service.workers())
            if len(workers) == 2 and not workers & set(without):
                self.service.wait_answers()
                return workers
            self.assertLess(time.monotonic(), until,
                            f'{workers}: {self.service.server.output()[-3000:]}')
            time.sleep(0.01)

    def assert_others_served(self, deaths):
        """A death breaks the connections of one worker, at most once each; nothing else fails."""
        self.traffic.wait_acknowledged(CLIENTS * 4)
        self.assertEqual(self.traffic.strange[:5], [])
        self.assertEqual(self.traffic.refused, 0)
        ends = self.traffic.ends()
        broken = sum(count for end, count in ends.items() if end not in (200, 'done', None))
        self.assertLessEqual(broken, CLIENTS * deaths, ends)
        self.assertEqual([end for end in ends if isinstance(end, int) and end != 200], [], ends)

    def blames(self, pipeline):
        """The supervisor's lines about deaths in this pipeline."""
        return [line for line in self.service.server.output().splitlines()
                if 'crimes' in line and f"pipeline '{pipeline}'" in line and 'quarantined' not in line]

    def kill_worker(self, pipeline):
        before = set(self.service.workers())
        answer = self.ask(pipeline)
        self.assertIsNone(answer, f'the worker survived it: {answer}')
        until = time.monotonic() + server.PATIENCE
        while before == set(self.service.workers()):
            self.assertLess(time.monotonic(), until, 'the worker is not replaced')
            time.sleep(0.01)
        dead = before - set(self.service.workers())
        self.assertEqual(len(dead), 1, 'one worker died')
        self.wait_workers(dead)

    def once(self, pipeline, sentence):
        self.kill_worker(pipeline)
        self.service.server.wait_log(sentence)
        blame = self.blames(pipeline)
        self.assertEqual(len(blame), 1, self.service.server.output()[-3000:])
        self.assertIn(sentence, blame[0])
        self.assertRegex(blame[0], r'turn [0-9a-f-]{36}')
        self.assert_others_served(1)
        self.assertEqual(self.ask(pipeline, 'Behave!').status, 200)

    def assert_good(self):
        """Some turn is answered: the worker that cannot is as likely to take the next one as the other, and
        while the machine is busy it is the one that has time."""
        until = time.monotonic() + server.PATIENCE
        answer = self.ask('good', 'Well?')
        while answer is None or answer.status != 200:
            self.assertLess(time.monotonic(), until, answer and answer.status)
            answer = self.ask('good', 'Well?')

    def tearDown(self):
        self.traffic.hush()
        self.assert_good()
        self.assertEqual(self.service.stop(), 0)

    # --- ends of the process ---------------------------------------------------------------------

    @unittest.skipIf(SANITIZED, 'the sanitizer ends the process in its own way')
    def test_crash(self):
        self.once('crash', 'SIGSEGV')

    def test_abort(self):
        self.once('abort', 'SIGABRT')

    @unittest.skipIf(SANITIZED, 'the sanitizer ends the process in its own way')
    def test_divide(self):
        self.once('divide', 'SIGFPE')

    @unittest.skipIf(SANITIZED, 'the sanitizer ends the process in its own way')
    def test_exit(self):
        self.once('exit', 'exit code 0')

    def test_exit_3(self):
        self.once('exit-3', 'exit code 3')

    @unittest.skipIf(SANITIZED, 'the sanitizer ends the process in its own way')
    def test_overflow(self):
        self.once('overflow', 'stack overflow')

    def test_loop(self):
        self.once('loop', 'held the loop for 1 s (contract 4), in loop in stage')

    def test_close(self):
        """All descriptors closed under the worker's feet: it ends, and not silently."""
        before = set(self.service.workers())
        self.ask('close')
        until = time.monotonic() + server.PATIENCE
        while before <= set(self.service.workers()):
            self.assertLess(time.monotonic(), until, self.service.server.output()[-3000:])
            time.sleep(0.01)
        self.wait_workers(before - set(self.service.workers()))
        self.assert_others_served(1)

    # --- quarantine ------------------------------------------------------------------------------

    def test_three_deaths_quarantine(self):
        for _ in range(3):
            self.kill_worker('abort')
        self.service.server.wait_log('quarantined')
        self.assert_others_served(3)
        until = time.monotonic() + server.PATIENCE
        while (answer := self.ask('abort', 'Behave!')) and answer.status == 200:
            self.assertLess(time.monotonic(), until, 'it is not quarantined')
        self.assertEqual(answer.status, 503, answer)
        self.assertIn("pipeline 'abort' is quarantined", answer.json()['detail'])
        self.assertIn('crimes', answer.json()['detail'])
        ready = client.request(self.service.port, 'GET', '/readyz')
        self.assertEqual(ready.status, 200, 'the rest is served')
        self.assertIn("pipeline 'abort' is quarantined", ready.body.decode())
        before = set(self.service.workers())
        self.assertEqual(self.ask('good', 'Well?').status, 200)
        self.assertEqual(self.ask('crash', 'Behave!').status, 200)
        self.assertEqual(before, set(self.service.workers()))
        self.assertEqual(server.run('reload', '--data-dir', self.service.data_dir).returncode, 0)
        self.wait_workers(before)
        self.assertEqual(self.ask('abort', 'Behave!').status, 200)
        ready = client.request(self.service.port, 'GET', '/readyz').json()
        self.assertEqual(ready['quarantined'], [], ready)
        self.assert_others_served(3)

    # --- what hurts without killing --------------------------------------------------------------

    def test_block(self):
        """Where contracts are checked (debug builds) it is refused by rule 4, else it is only slow."""
        self.assertIn(self.ask('block').status, (200, 500))
        self.assert_others_served(0)

    def test_stop(self):
        """A stopped worker is a debugger's, not a hung one; the other one serves."""
        before = set(self.service.workers())
        with client.Raw(self.service.port) as raw:
            raw.post('/v1/turns', {'pipeline': 'stop', 'message': 'Do it now!'})
            until = time.monotonic() + server.PATIENCE
            while not (stopped := [pid for pid in before if state_of(pid) == 'T']):
                self.assertLess(time.monotonic(), until)
                time.sleep(0.01)
            for _ in range(20):
                self.assertEqual(self.ask('good', 'Well?', timeout=10).status, 200)
            os.kill(stopped[0], signal.SIGCONT)
            self.assertEqual(raw.answer().status, 200)
        self.assertEqual(before, set(self.service.workers()))
        self.assert_others_served(0)

    @unittest.skipIf(SANITIZED, 'the sanitizer needs the memory itself')
    def test_leak(self):
        """A worker above its memory is replaced without anybody noticing; the log says by whose fault."""
        before = set(self.service.workers())
        until = time.monotonic() + server.PATIENCE
        while not before - set(self.service.workers()):
            self.assertEqual(self.ask('leak').status, 200)
            self.assertLess(time.monotonic(), until, 'it is not replaced')
            time.sleep(0.03)  # slowly: the worker looks once a second who grows
        self.wait_workers(before - set(self.service.workers()))
        self.assertNotEqual(before, set(self.service.workers()))
        self.assert_others_served(0)
        self.assertRegex(self.service.server.output(), r'memory.*crimes|crimes.*memory')

    def test_finish_twice(self):
        for stream in (False, True):
            answer = self.ask('finish-twice', stream=stream)
            self.assertEqual(answer.status, 200, answer)
            if stream:
                names = [name for name, _, _ in answer.events()]
                self.assertEqual(names.count('done'), 1, names)
                self.assertEqual(names[-1], 'done')
        self.assert_others_served(0)

    def test_throw_away(self):
        """What a stage swallows does not reach the client; the turn still has its end."""
        events = self.ask('throw-away', stream=True).events()
        self.assertEqual(events[-1][0], 'done', events)
        self.assertNotIn('text', [name for name, _, _ in events])
        self.assert_others_served(0)

    def test_keep(self):
        """A task that nobody joined ends with its turn, and never speaks to somebody else's client."""
        for _ in range(20):
            self.assertEqual(self.ask('keep').status, 200)
        self.assertIn('crimes', next(line['message'] for line in self.service.server.log()
                                     if 'left 1 tasks behind' in line['message']))
        self.assert_others_served(0)

    def test_open(self):
        """One worker without descriptors: its turns fail, the service goes on."""
        self.ask('open')
        self.assert_good()
        self.traffic.wait_acknowledged(CLIENTS * 4)


def state_of(pid):
    with open(f'/proc/{pid}/stat', encoding='utf-8') as file:
        return file.read().rpartition(')')[2].split()[0]


if __name__ == '__main__':
    unittest.main()
