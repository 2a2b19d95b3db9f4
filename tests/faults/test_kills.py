"""kill -9 at random under load: workers, and the supervisor, which something like systemd starts again.
What was acknowledged is kept, once and whole, and the service answers again after each.

    PATCHBAY_TEST_KILLS=1000   so many (60)
    PATCHBAY_TEST_SEED=7       the same order of kills
"""
import os
import random
import socket
import tempfile
import time
import unittest

from harness import client, server
from ledger import faults, interrupted
from traffic import Traffic
from tree import Service, processes_with, wait_end

LONG = True
KILLS = int(os.environ.get('PATCHBAY_TEST_KILLS', '60'))
SEED = int(os.environ.get('PATCHBAY_TEST_SEED', time.time_ns() % 1000000))
HERE = os.path.dirname(os.path.abspath(__file__))


class Kills(unittest.TestCase):
    def setUp(self):
        print(f'PATCHBAY_TEST_SEED={SEED}', flush=True)
        self.random = random.Random(SEED)
        self.traffic = Traffic(seed=SEED)
        self.addCleanup(self.traffic.close)
        self.folder = tempfile.TemporaryDirectory(prefix='patchbay-kills-')
        self.addCleanup(self.folder.cleanup)
        self.service = Service(os.path.join(HERE, 'kept.yaml'),
                               os.path.join(self.folder.name, 'data'),
                               {'UPSTREAM': self.traffic.url})
        self.addCleanup(self.service.kill_all)
        # the clients keep their address whoever serves it
        with socket.create_server(('127.0.0.1', 0)) as probe:
            self.service.arguments = ('--port', str(probe.getsockname()[1]))
        self.service.start()
        self.killed = {'worker': 0, 'supervisor': 0, 'all workers': 0, 'everybody': 0}

    @property
    def database(self):
        return os.path.join(self.folder.name, 'data', 'patchbay.db')

    def everybody(self):
        return [pid for pid in processes_with(self.service.data_dir)
                if pid != self.service.supervisor]

    def kill_once(self):
        """One of the ways, after a random while."""
        time.sleep(self.random.random() * 0.05)
        chance = self.random.random()
        if chance < 0.70:
            what, pids = 'worker', self.everybody()
            pids = [self.random.choice(pids)] if pids else []
        elif chance < 0.90:
            what, pids = 'supervisor', [self.service.supervisor]
        elif chance < 0.97:
            what, pids = 'all workers', self.everybody()
        else:
            what, pids = 'everybody', [*self.everybody(), self.service.supervisor]
        for pid in pids:
            self.service.kill(pid)
        self.killed[what] += 1
        if self.service.supervisor in pids:
            self.service.start()
        else:
            for pid in pids:
                wait_end(pid)

    def assert_answers(self):
        """A new turn comes to its end; the traffic goes on all the while."""
        until = time.monotonic() + server.PATIENCE
        while True:
            try:
                answer = client.request(self.service.port, 'GET', '/healthz', timeout=10)
                if answer.status == 200:
                    break
            except OSError:
                pass
            self.assertLess(time.monotonic(), until, self.service.server.output()[-4000:])
            time.sleep(0.002)
        self.traffic.wait_acknowledged(5)

    def check(self, when):
        """With no turn under way the database must agree with the log."""
        self.traffic.hush()
        self.assertEqual(faults(self.database, self.traffic.turns, live=True)[:10], [], when)
        self.assertEqual(self.traffic.strange[:5], [], when)

    def test_random_kills(self):
        self.traffic.go(self.service.port)
        for number in range(KILLS):
            self.kill_once()
            self.assert_answers()
            if number % 20 == 19:
                self.check(f'after kill {number}')
                self.traffic.go(self.service.port)
        self.check('at the end')
        until = time.monotonic() + server.PATIENCE
        while len(self.everybody()) != 2:  # some may be another supervisor's, taken over
            self.assertLess(time.monotonic(), until, self.service.server.output()[-3000:])
            time.sleep(0.01)
        self.service.wait_answers()
        self.assertEqual(self.service.stop(), 0)
        told = interrupted(self.database)
        print(f'{self.killed}, {len(self.traffic.acknowledged())} turns acknowledged, '
              f'ends {self.traffic.ends()}, replies by status {told}', flush=True)
        self.assertNotIn(1, told, 'a reply still runs though nobody is there')


if __name__ == '__main__':
    unittest.main()
