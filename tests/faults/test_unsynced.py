"""The disk of the durability tests itself: it forgets what was not synced, and keeps what was."""
import errno
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

from harness import server
from preload import unsynced

# Programs that acknowledge what they wrote, a line each; they run until they are killed.
APPEND = '''
import os
file = os.open('kept', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
{names}
for number in range(1000000):
    os.write(file, b'%09d\\n' % number)
    {sync}
    print(number, flush=True)
'''
ROWS = '''
import os, sqlite3
database = sqlite3.connect('rows.db', isolation_level=None, timeout=60)
database.execute('PRAGMA journal_mode = WAL')
database.execute('PRAGMA synchronous = {synchronous}')
database.execute('PRAGMA wal_autocheckpoint = 20')
database.execute('CREATE TABLE IF NOT EXISTS rows (writer, number, text)')
for number in range(1000000):
    database.execute('INSERT INTO rows VALUES ({writer}, ?, ?)', (number, 'x' * (number % 9000)))
    print({writer}, number, flush=True)
'''
SYNC_NAMES = "folder = os.open('.', os.O_RDONLY); os.fsync(folder)"


class Layer(unittest.TestCase):
    def setUp(self):
        self.disk = unsynced.Disk(server.BUILD)
        self.addCleanup(self.disk.close)
        self.random = random.Random(7)

    def start(self, program, **values):
        return subprocess.Popen([sys.executable, '-c', program.format(**values)],
                                cwd=self.disk.folder, stdout=subprocess.PIPE, text=True,
                                env={**os.environ, **self.disk.environment()})

    def cut_after(self, processes, lines, keep=None):
        """The power fails after the first of them acknowledged so many; returns all lines."""
        said = [[process.stdout.readline() for _ in range(lines)] for process in processes]
        for process in processes:
            process.send_signal(signal.SIGKILL)
        said = [line for process, begun in zip(processes, said)
                for line in begun + process.stdout.readlines()]
        for process in processes:
            process.stdout.close()
            process.wait()
        self.disk.cut(keep)
        return [line for line in said if line.endswith('\n')]

    def append(self, sync, names=SYNC_NAMES):
        """How many lines were acknowledged, and how many are there."""
        told = self.cut_after([self.start(APPEND, sync=sync, names=names)], 500)
        path = os.path.join(self.disk.folder, 'kept')
        if not os.path.exists(path):
            return len(told), None
        with open(path, encoding='ascii') as file:
            kept = file.read().splitlines()
        self.assertEqual(kept[:len(told)], [f'{n:09d}' for n in range(min(len(told), len(kept)))])
        return len(told), len(kept)

    def test_synced_is_kept(self):
        for sync in ('os.fsync(file)', 'os.fdatasync(file)'):
            with self.subTest(sync):
                told, kept = self.append(sync)
                self.assertGreaterEqual(kept, told)
                os.unlink(os.path.join(self.disk.folder, 'kept'))
                self.disk.begin()

    def test_unsynced_is_lost(self):
        self.assertEqual(self.append('pass')[1], 0)

    def test_a_name_is_lost_without_its_folder(self):
        self.assertIsNone(self.append('os.fsync(file)', names='')[1])

    def test_renamed_and_deleted_come_back(self):
        for name in ('old', 'gone'):
            with open(os.path.join(self.disk.folder, name), 'w', encoding='ascii') as file:
                file.write(name)
        self.disk.begin()
        done = self.start("import os; os.rename('old', 'new'); os.unlink('gone');"
                          "os.truncate('new', 1); print(os.listdir('.'))")
        self.assertEqual(done.communicate()[0], "['new']\n")
        self.disk.cut()
        self.assertEqual(sorted(os.listdir(self.disk.folder)), ['gone', 'old'])
        with open(os.path.join(self.disk.folder, 'old'), encoding='ascii') as file:
            self.assertEqual(file.read(), 'old')

    def writers(self, synchronous):
        """Two of them; the first makes the table."""
        first = self.start(ROWS, synchronous=synchronous, writer=1)
        self.assertEqual(first.stdout.readline(), '1 0\n')
        return first, self.start(ROWS, synchronous=synchronous, writer=2)

    def rows(self, synchronous, keep=None):
        """Two writers; returns the acknowledged rows that are missing, and how many there were."""
        writers = self.writers(synchronous)
        told = {tuple(map(int, line.split())) for line in self.cut_after(writers, 60, keep)}
        with sqlite3.connect(os.path.join(self.disk.folder, 'rows.db')) as database:
            self.assertEqual(database.execute('PRAGMA integrity_check').fetchone()[0], 'ok')
            kept = database.execute('SELECT writer, number, length(text) FROM rows').fetchall()
        database.close()
        self.assertEqual([row for row in kept if row[2] != row[1] % 9000], [])
        self.assertEqual(len(kept), len(set(kept)))
        return told - {row[:2] for row in kept}, len(told)

    def again(self):
        self.disk.close()
        self.disk = unsynced.Disk(server.BUILD)
        self.addCleanup(self.disk.close)

    def test_sqlite_full_keeps_all(self):
        for _ in range(3):
            for keep in (None, self.random):
                missing, told = self.rows('FULL', keep)
                self.assertEqual(missing, set())
                self.assertGreaterEqual(told, 119)
                self.again()

    def test_a_writer_may_die_before(self):
        """Killed anywhere, in a sync too: what the other one acknowledges is kept all the same."""
        for _ in range(5):
            first, second = self.writers('FULL')
            for _ in range(self.random.randrange(1, 60)):
                first.stdout.readline()
            first.kill()
            first.stdout.close()
            first.wait()
            told = self.cut_after([second], 60)
            with sqlite3.connect(os.path.join(self.disk.folder, 'rows.db')) as database:
                kept = database.execute('SELECT writer, number FROM rows').fetchall()
            database.close()
            self.assertEqual({tuple(map(int, line.split())) for line in told} - set(kept), set())
            self.again()

    def test_sqlite_off_loses(self):
        """The counter-proof: without syncs the same check finds acknowledged rows missing."""
        try:
            missing, _ = self.rows('OFF')
        except sqlite3.DatabaseError:
            return  # not even the table is left
        self.assertGreater(len(missing), 0)


class Faults(unittest.TestCase):
    def setUp(self):
        self.disk = unsynced.Disk(server.BUILD)
        self.addCleanup(self.disk.close)

    def python(self, program):
        done = subprocess.run([sys.executable, '-c', program], cwd=self.disk.folder, text=True,
                              env={**os.environ, **self.disk.environment()}, check=False,
                              capture_output=True)
        return done.stdout.strip() or done.stderr.strip().splitlines()[-1]

    def test_rules(self):
        write = ("import os\nfile = os.open('a', os.O_RDWR | os.O_CREAT)\n"
                 "for n in range(4):\n  os.pwrite(file, b'x', 0); print(n, end=' ')\n")
        self.disk.faults.fail('WRITE', errno.ENOSPC, path='/a', skip=2)
        self.assertEqual(self.python(write), '0 1')
        self.disk.faults.fail('WRITE', errno.ENOSPC, path='/b')
        self.assertEqual(self.python(write), '0 1 2 3')
        self.disk.faults.fail('GROW', errno.ENOSPC)
        self.assertEqual(self.python(write), '0 1 2 3')
        self.disk.faults.fail('SYNC', errno.EIO)
        self.assertIn('Input/output error', self.python("import os\nos.fsync(os.open('a', 0))"))
        self.disk.faults.none()
        self.assertEqual(self.python("import os\nprint(os.fsync(os.open('a', 0)))"), 'None')

    def test_clock(self):
        self.disk.faults.turn_clock(86400)
        ahead = float(self.python('import time; print(time.time())')) - time.time()
        self.assertTrue(86300 < ahead < 86500, ahead)


if __name__ == '__main__':
    unittest.main()
