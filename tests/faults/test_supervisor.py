"""The supervisor killed, stopped and asked to reload again and again: no turn fails for it."""
import http.client
import json
import os
import shutil
import signal
import tempfile
import threading
import time
import unittest

from harness import client, server
from tree import Service, children, processes_with, wait_end

HERE = os.path.dirname(os.path.abspath(__file__))
BODY = json.dumps({'message': 'How are you?'})


class Load:
    """Clients that ask without a pause, each on a connection that it keeps as long as it may."""

    def __init__(self, port, clients=4):
        self.port, self.failures, self.ended, self.closed = port, [], 0, 0
        self.done = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _ask(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=server.PATIENCE)
        while not self.done.is_set():
            try:
                connection.request('POST', '/v1/turns', BODY, {'Content-Type': 'application/json'})
                answer = connection.getresponse()
                text = answer.read()
                with self.lock:
                    self.ended += 1
                    self.closed += answer.will_close
                    if answer.status != 200 or b'Fine.' not in text:
                        self.failures.append((answer.status, text[:300]))
            except (OSError, http.client.HTTPException) as failure:
                with self.lock:
                    self.failures.append(repr(failure))
                connection.close()
        connection.close()

    def wait(self, more):
        """Until so many more turns have ended."""
        goal, until = self.ended + more, time.monotonic() + server.PATIENCE
        while self.ended < goal and time.monotonic() < until:
            time.sleep(0.002)
        assert self.ended >= goal, self.failures[:3]

    def stop(self):
        self.done.set()
        for thread in self.threads:
            thread.join()


class Case(unittest.TestCase):
    ENVIRONMENT = {}

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='patchbay-supervisor-')
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.plugins = os.path.join(self.folder, 'plugins')
        os.mkdir(self.plugins)
        self.install_plugin()
        self.data = os.path.join(self.folder, 'data')
        self.service = Service(os.path.join(HERE, 'supervisor.yaml'), self.data,
                               {'PLUGINS': self.plugins,
                                'BROOD': os.path.join(server.BUILD, 'tests', 'faults', 'plugins'),
                                **self.ENVIRONMENT})
        self.addCleanup(self.service.kill_all)
        self.service.start()

    def install_plugin(self):
        """By rename, as `patchbay plugin install` does."""
        name = os.path.join(self.plugins, 'replay.so')
        shutil.copy(os.path.join(server.BUILD, 'plugins', 'replay.so'), name + '.new')
        os.rename(name + '.new', name)

    def patchbay(self, command, *arguments, code=0):
        done = server.run(command, *arguments, '--data-dir', self.data)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def live(self):
        return json.loads(self.patchbay('inspect', '--live', '--json'))

    def wait(self, what, condition):
        until = time.monotonic() + server.PATIENCE
        while not (found := condition()):
            self.assertLess(time.monotonic(), until,
                            f'{what}:\n{self.service.server.output()[-4000:]}')
            time.sleep(0.01)
        return found

    def under_load(self):
        load = Load(self.service.port)
        self.addCleanup(load.stop)
        load.wait(20)
        return load

    def end(self, load):
        load.stop()
        self.assertEqual(load.failures[:5], [])

    def settled(self):
        """Two workers that serve, and no others."""
        def look():
            live = self.live()
            return ([w['state'] for w in live['workers']] == ['serving'] * 2) and live
        return self.wait('there are not two workers', look)


class Reloads(Case):
    def test_a_hundred_reloads_under_load(self):
        load = self.under_load()
        for number in range(2, 102):
            self.install_plugin()
            self.assertIn(f'generation {number} serves', self.patchbay('reload'))
            load.wait(1)
        load.wait(20)
        self.end(load)
        self.assertGreater(load.closed, 0, 'clients were moved to new workers')
        live = self.settled()
        self.assertEqual({worker['generation'] for worker in live['workers']}, {101})
        inode = os.stat(os.path.join(self.plugins, 'replay.so')).st_ino
        for worker in live['workers']:
            with open(f'/proc/{worker["pid"]}/maps', encoding='ascii') as maps:
                loaded = [line for line in maps if 'replay.so' in line]
            self.assertTrue(loaded)
            self.assertEqual({int(line.split()[4]) for line in loaded}, {inode})

    def test_reloads_leave_nothing_open(self):
        """Descriptors and memory of the supervisor after many generations are those of the second."""
        def descriptors():
            return len(os.listdir(f'/proc/{self.service.supervisor}/fd'))

        self.patchbay('reload')
        self.settled()
        before = descriptors()
        for _ in range(20):
            self.patchbay('reload')
        self.settled()
        self.wait('descriptors stay open', lambda: descriptors() <= before)


class Children(Case):
    """What a worker has started ends with it, also what left its process group."""

    def brood(self):
        """Asks until each worker has a child; {worker: children}."""
        def look():
            answer = client.request(self.service.port, 'POST', '/v1/turns',
                                    {'message': 'Hi', 'pipeline': 'brood'})
            self.assertEqual(answer.status, 200, answer)
            found = {pid: [child for child in children(pid) if os.getpgid(child) == child]
                     for pid in self.service.workers()}
            return all(found.values()) and found
        return self.wait('no children', look)

    def test_of_a_killed_worker(self):
        found = self.brood()
        dead, other = found
        os.kill(dead, signal.SIGKILL)
        for child in found[dead]:
            wait_end(child)
        self.settled()
        for child in found[other]:
            self.assertTrue(os.path.exists(f'/proc/{child}'))
        self.assertEqual(self.service.stop(), 0)
        for child in found[other]:
            wait_end(child)

    def test_of_a_retired_worker(self):
        found = self.brood()
        self.patchbay('reload')
        for child in sum(found.values(), []):
            wait_end(child)
        self.settled()

    def test_of_an_orphan(self):
        found = self.brood()
        os.kill(self.service.supervisor, signal.SIGKILL)
        self.service.server.process.wait()
        self.service.start()
        for pid, started in found.items():
            os.kill(pid, signal.SIGKILL)
            for child in started:
                wait_end(child)
        self.settled()


class TakeOver(Case):
    """The supervisor is killed; its workers serve on."""

    def kill_supervisor(self):
        workers = self.service.workers()
        os.kill(self.service.supervisor, signal.SIGKILL)
        self.service.server.process.wait()
        return workers

    def test_workers_serve_on_and_are_taken_over(self):
        load = self.under_load()
        port, workers = self.service.port, self.kill_supervisor()
        self.assertEqual(len(workers), 2)
        load.wait(50)
        self.service.start()
        self.assertEqual(self.service.port, port, 'the sockets are the same')
        load.wait(50)
        live = self.live()
        self.assertEqual(sorted(w['pid'] for w in live['workers']), sorted(workers))
        self.assertEqual({w['generation'] for w in live['workers']}, {1})
        self.assertIn('took over 2 workers', self.service.server.output())
        self.assertIn('generation 2 serves', self.patchbay('reload'))
        load.wait(50)
        self.end(load)
        for pid in workers:
            wait_end(pid)
        self.assertEqual(self.service.stop(), 0)

    def test_taken_over_with_another_configuration(self):
        """A new generation of what is configured now; the orphans go when it serves."""
        load = self.under_load()
        workers = self.kill_supervisor()
        self.service.arguments = ('--set', 'llms.script.notice=Hello. ')
        self.service.start()
        load.wait(50)
        live = self.settled()
        self.assertEqual({w['generation'] for w in live['workers']}, {2})
        self.assertFalse(set(workers) & {w['pid'] for w in live['workers']})
        self.end(load)
        self.assertEqual(self.service.stop(), 0)

    def test_a_taken_over_worker_dies(self):
        workers = self.kill_supervisor()
        self.service.start()
        os.kill(workers[0], signal.SIGKILL)
        self.service.server.wait_log(f'pid {workers[0]},')
        live = self.settled()
        self.assertNotIn(workers[0], [w['pid'] for w in live['workers']])
        self.assertEqual({w['worker'] for w in live['workers']}, {1, 2})
        self.assertEqual(self.service.stop(), 0)

    def test_a_worker_died_with_the_supervisor(self):
        workers = self.service.workers()
        os.kill(workers[0], signal.SIGKILL)
        self.kill_supervisor()
        wait_end(workers[0])
        self.service.start()
        self.assertIn(workers[1], [w['pid'] for w in self.settled()['workers']])
        self.assertEqual(self.service.stop(), 0)

    def test_all_died(self):
        self.service.kill_all()
        self.service.start()
        self.assertEqual({w['generation'] for w in self.live()['workers']}, {1})
        self.assertEqual(self.service.stop(), 0)

    def test_killed_again_and_again(self):
        load = self.under_load()
        for _ in range(10):
            self.kill_supervisor()
            load.wait(5)
            self.service.start()
            load.wait(5)
        self.end(load)
        self.assertEqual(self.service.stop(), 0)
        self.assertEqual(processes_with(self.data), [])

    def test_killed_within_a_reload(self):
        """Whatever it had begun: the next one brings the service into order."""
        load = self.under_load()
        for delay in range(10):
            self.service.server.signal(signal.SIGHUP)
            load.wait(1 + 2 * delay)
            self.kill_supervisor()
            self.service.start()
            self.settled()
        self.end(load)
        self.assertEqual(self.service.stop(), 0)

    def test_orphans_alone_can_be_ended(self):
        workers = self.kill_supervisor()
        for pid in workers:
            os.kill(pid, signal.SIGTERM)
        for pid in workers:
            wait_end(pid)


class Stopped(Case):
    """A supervisor that was stopped finds its clock far ahead: nobody hung for that."""
    ENVIRONMENT = {'HANG': '200ms'}

    def test_stopped_for_longer_than_a_hang(self):
        workers = self.service.workers()
        load = self.under_load()
        for _ in range(3):
            os.kill(self.service.supervisor, signal.SIGSTOP)
            until = time.monotonic() + 2.5
            while time.monotonic() < until:
                load.wait(20)
            os.kill(self.service.supervisor, signal.SIGCONT)
            load.wait(100)
        self.end(load)
        self.assertEqual(sorted(self.service.workers()), sorted(workers))
        self.assertNotIn('held the loop', self.service.server.output())
        self.assertEqual(self.service.stop(), 0)


if __name__ == '__main__':
    unittest.main()
