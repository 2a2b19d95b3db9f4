"""What is under the service fails: the disk is full, read-only or broken, descriptors are used up,
the clock jumps, the supervisor stands still. For each: what the clients saw, that nothing acknowledged
was lost, and that all is well once it is over."""
import errno
import json
import os
import random
import resource
import signal
import threading
import time
import unittest

from harness import client, server
from ledger import faults
from preload import unsynced
from traffic import Traffic
from tree import Service, children

HERE = os.path.dirname(os.path.abspath(__file__))
DAY = 86400
# The supervisor is stopped for so long; the promise is a minute.
STOPPED = float(os.environ.get('PATCHBAY_TEST_STOPPED', '3'))


class Under(unittest.TestCase):
    CONFIG = 'kept.yaml'
    CLIENTS = 16
    IMAGE = False
    ARGUMENTS = ()

    def setUp(self):
        self.traffic = Traffic(clients=self.CLIENTS, keyed=0)
        self.addCleanup(self.traffic.close)
        self.disk = unsynced.Disk(server.BUILD, image=self.IMAGE)
        self.addCleanup(self.disk.close)
        self.service = Service(os.path.join(HERE, self.CONFIG), self.disk.folder,
                               dict(self.disk.environment(server.BINARY),
                                    UPSTREAM=self.traffic.url), self.ARGUMENTS)
        self.addCleanup(self.service.kill_all)
        self.service.start()
        self.traffic.go(self.service.port)
        self.traffic.wait_acknowledged(self.CLIENTS * 3)

    def count_ends(self):
        """The ends of all turns so far, and forgets them: (answered, others by end)."""
        told = self.traffic.ends()
        before, self.before = getattr(self, 'before', {}), told
        return {end: count - before.get(end, 0) for end, count in told.items()
                if end is not None and count > before.get(end, 0)}

    def wait_end(self, end, more, seconds=60):
        """Until so many more turns ended this way."""
        wanted = self.traffic.ends().get(end, 0) + more
        until = time.monotonic() + seconds
        while self.traffic.ends().get(end, 0) < wanted:
            self.assertLess(time.monotonic(), until, f'{self.traffic.ends()} '
                            f'{self.traffic.strange[:3]} {self.service.server.output()[-3000:]}')
            time.sleep(0.005)

    def assert_well(self):
        """All is as if nothing had been: every client gets answers from the same processes."""
        self.traffic.wait_acknowledged(self.CLIENTS * 3)
        self.service.wait_answers()
        self.traffic.hush()
        self.count_ends()
        self.traffic.go(self.service.port)
        self.traffic.wait_acknowledged(self.CLIENTS * 3)
        self.traffic.hush()
        self.assertEqual(set(self.count_ends()) - {200, 'done', 404}, set())
        self.assert_kept()

    def assert_kept(self):
        found = faults(os.path.join(self.disk.folder, 'patchbay.db'), self.traffic.turns, live=True)
        self.assertEqual(found[:10], [])


class Disk(Under):
    def fails(self, calls, error, statuses, **rule):
        """Turns fail with one of `statuses` and a sentence while calls fail; before and after all is
        well, and no worker ends."""
        before = set(self.service.workers())
        self.disk.faults.fail(calls, error, **rule)
        answers = []
        until = time.monotonic() + 60
        while len([answer for answer in answers if answer.status != 200]) < 5:
            self.assertLess(time.monotonic(), until, answers[-3:])
            answers.append(client.request(self.service.port, 'POST', '/v1/turns',
                                          {'pipeline': 'kept', 'conversation': None,
                                           'message': 'Does it fit?'}))
        self.assertGreater(self.disk.faults.hits(), 0)
        for answer in answers:
            self.assertIn(answer.status, (200, *statuses), answer)
            if answer.status != 200:
                problem = answer.json()
                self.assertTrue(problem['detail'], problem)
                self.assertNotIn(self.disk.folder, problem['detail'], 'no paths for clients')
        self.disk.faults.none()
        # what the traffic met meanwhile is as strange as what we met
        self.traffic.strange = [said for said in self.traffic.strange
                                if not any(said.startswith(str(status)) or
                                           f"'status': {status}" in said or
                                           'does it fit' in said.lower() for status in statuses)
                                and 'Does it fit' not in said]
        self.assertEqual(self.traffic.strange[:5], [])
        self.assert_only_ours()
        self.assert_well()
        self.assertEqual(before, set(self.service.workers()), self.service.server.output()[-3000:])

    def assert_only_ours(self):
        allowed = {200, 'done', None, 404, 409, 503, 504, 507, 500, 502}
        self.assertEqual(set(self.traffic.ends()) - allowed, set())

    def assert_kept(self):
        """The turns of fails() are not in the log: leave their words out."""
        found = faults(os.path.join(self.disk.folder, 'patchbay.db'), self.traffic.turns, live=True)
        found = [text for text in found if 'Does ' not in text and 'What?' not in text]
        self.assertEqual(found[:10], [])

    def test_full(self):
        self.fails('GROW', errno.ENOSPC, (507,), path='patchbay.db')

    def test_full_at_every_write(self):
        self.fails('WRITE', errno.ENOSPC, (507,), path='patchbay.db')

    def test_read_only(self):
        self.fails('WRITE|NAMES', errno.EROFS, (503, 507, 500), path='patchbay.db')

    def test_write_errors(self):
        self.fails('WRITE', errno.EIO, (503, 500), path='patchbay.db')

    def test_sync_errors(self):
        self.fails('SYNC', errno.EIO, (503, 500), path='patchbay.db')

    def test_read_errors(self):
        """Cached pages need no disk: not every turn notices."""
        before = set(self.service.workers())
        self.disk.faults.fail('READ', errno.EIO, path='patchbay.db', times=50)
        self.traffic.wait_acknowledged(self.CLIENTS * 3)
        self.disk.faults.none()
        self.traffic.strange = []
        self.assert_only_ours()
        self.assert_well()
        self.assertEqual(before, set(self.service.workers()))

    def test_now_and_then(self):
        """Single failures all over the place, under load: what was acknowledged is there."""
        pick = random.Random(3)
        for _ in range(40):
            calls, error = pick.choice((('WRITE', errno.ENOSPC), ('WRITE', errno.EIO),
                                        ('SYNC', errno.EIO), ('READ', errno.EIO)))
            self.disk.faults.fail(calls, error, path='patchbay.db', skip=pick.randrange(30),
                                  times=pick.randrange(1, 4))
            self.traffic.wait_acknowledged(pick.randrange(20))
        self.disk.faults.none()
        self.traffic.strange = []
        self.assert_only_ours()
        self.assert_well()


class BrokenSyncs(Under):
    """A sync that fails loses what it should have kept: no later one may be believed for it."""
    IMAGE = True

    def test_power_loss_after_failed_syncs(self):
        pick = random.Random(5)
        for number in range(8):
            for _ in range(3):
                self.disk.faults.fail('SYNC', errno.EIO, path='patchbay.db',
                                      skip=pick.randrange(20), times=1)
                self.traffic.wait_acknowledged(pick.randrange(60))
            self.disk.faults.none()
            self.traffic.wait_acknowledged(pick.randrange(60))
            self.service.kill_all()
            self.traffic.hush()
            self.disk.cut()
            self.assertEqual(faults(os.path.join(self.disk.folder, 'patchbay.db'),
                                    self.traffic.turns)[:10], [], f'after cut {number}')
            self.traffic.go(self.service.start())
        self.assert_well()


class Descriptors(Under):
    def test_used_up(self):
        """No new connection can be taken, in no worker; those that are there go on, and no loop spins."""
        workers = self.service.workers()
        kept = client.Raw(self.service.port)
        self.addCleanup(kept.socket.close)
        kept.post('/v1/turns', {'pipeline': 'kept', 'conversation': None, 'message': 'One?'})
        self.assertEqual(kept.answer().status, 200)
        for pid in workers:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free(pid), 4096))
        self.traffic.hush()
        waiting = [client.Raw(self.service.port) for _ in range(30)]
        for raw in waiting:
            self.addCleanup(raw.socket.close)
            raw.post('/v1/turns', {'pipeline': 'kept', 'conversation': None, 'message': 'Two?'})
        begun = [cpu_seconds(pid) for pid in workers]
        time.sleep(1)
        for pid, before in zip(workers, begun):
            self.assertLess(cpu_seconds(pid) - before, 0.5, 'it spins')
        kept.post('/v1/turns', {'pipeline': 'kept', 'conversation': None, 'message': 'Three?'})
        self.assertIn(kept.answer().status, (200, 503))
        for pid in workers:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (4096, 4096))
        for raw in waiting:
            self.assertIn(raw.answer().status, (200, 503))
        self.traffic.strange = []
        self.traffic.go(self.service.port)
        self.traffic.wait_acknowledged(self.CLIENTS * 5)
        self.assertEqual(workers, self.service.workers())
        self.assertIn('Too many open files', self.service.server.output())

    def tearDown(self):
        self.traffic.hush()
        found = [text for text in faults(os.path.join(self.disk.folder, 'patchbay.db'),
                                         self.traffic.turns, live=True)
                 if not any(word in text for word in ('One', 'Two', 'Three', 'What?'))]
        self.assertEqual(found, [])


class Clock(Under):
    CONFIG = 'keyed.yaml'

    def guarded(self, key):
        return client.request(self.guarded_port, 'POST', '/v1/turns',
                              {'pipeline': 'kept', 'conversation': None, 'message': 'May I?'},
                              {'Authorization': f'Bearer {key}'}).status

    def key(self, name, expires):
        done = server.run('keys', 'create', '--name', name, '--expires', expires, '--json',
                          '-c', self.service.config, '--data-dir', self.disk.folder,
                          env=self.service.env)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)['key']

    def setUp(self):
        super().setUp()
        listening = {line['instance']: int(line['message'].rpartition(':')[2])
                     for line in self.service.server.log() if 'listening' in line['message']}
        self.guarded_port, self.open_port = listening['guarded'], listening['web']

    def long_turn(self):
        """A turn that runs while the clock is turned; returns how to get its answer."""
        told = []
        self.traffic.pace = 2
        thread = threading.Thread(target=lambda: told.append(client.request(
            self.open_port, 'POST', '/v1/turns',
            {'pipeline': 'kept', 'conversation': None, 'message': 'Long?'}, timeout=60)))
        thread.start()

        def answer():
            thread.join(60)
            self.traffic.pace = 0.002
            return told[0].status
        return answer

    def turn_clock(self, seconds):
        answer = self.long_turn()
        self.disk.faults.turn_clock(seconds)
        self.assertEqual(answer(), 200, 'a deadline follows the wall clock')

    def test_jumps(self):
        """A day forward, back, and a day back."""
        short, long = self.key('short', '12h'), self.key('long', '90d')
        self.assertEqual((self.guarded(short), self.guarded(long)), (200, 200))
        before = set(self.service.workers())
        self.turn_clock(DAY)
        until = time.monotonic() + 90
        while self.guarded(short) == 200:
            self.assertLess(time.monotonic(), until, 'an expired key is still taken')
            time.sleep(0.2)
        self.assertEqual((self.guarded(short), self.guarded(long)), (401, 200))
        self.turn_clock(0)
        self.turn_clock(-DAY)
        self.assertEqual(self.guarded(long), 200)
        self.traffic.wait_acknowledged(self.CLIENTS * 5)
        self.traffic.hush()
        self.disk.faults.turn_clock(0)
        self.assertEqual(before, set(self.service.workers()))
        self.assertEqual(set(self.traffic.ends()) - {200, 'done', None, 401, 404}, set())


class Supervisor(Under):
    ARGUMENTS = ('--set', 'host.limits.hang=1s')

    def test_stands_still(self):
        """Workers serve on without it, nobody is taken for hung when it is back, and who died
        meanwhile is replaced then."""
        workers = self.service.workers()
        os.kill(self.service.supervisor, signal.SIGSTOP)
        time.sleep(STOPPED)
        self.traffic.wait_acknowledged(self.CLIENTS * 5)
        os.kill(self.service.supervisor, signal.SIGCONT)
        time.sleep(1.5)
        self.assertEqual(workers, self.service.workers(), self.service.server.output()[-2000:])
        self.assertEqual(set(self.count_ends()) - {200, 'done', 404}, set())
        os.kill(self.service.supervisor, signal.SIGSTOP)
        self.service.kill(workers[0])
        self.traffic.wait_acknowledged(self.CLIENTS * 5)
        os.kill(self.service.supervisor, signal.SIGCONT)
        until = time.monotonic() + server.PATIENCE
        while len(living := children(self.service.supervisor)) != 2 or workers[0] in living:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)
        self.assert_well()
        self.assertEqual(self.service.stop(), 0)


def lowest_free(pid):
    """Limit at which the next descriptor cannot be had."""
    used = {int(name) for name in os.listdir(f'/proc/{pid}/fd')}
    return next(number for number in range(4096) if number not in used)


def cpu_seconds(pid):
    with open(f'/proc/{pid}/stat', encoding='utf-8') as file:
        fields = file.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


if __name__ == '__main__':
    unittest.main()
