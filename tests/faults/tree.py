"""A server whose processes a test kills: who they are, that all are dead, and that it answers again."""
import contextlib
import os
import select
import signal
import time

from harness import client, server


def children(pid):
    try:
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as file:
            return [int(child) for child in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def processes_with(mark):
    """Everybody whose command line contains `mark`: orphans of a dead supervisor too."""
    found = []
    for name in os.listdir('/proc'):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            with open(f'/proc/{name}/cmdline', 'rb') as file:
                if mark.encode() in file.read():
                    found.append(int(name))
    return found


def wait_end(pid, seconds=server.PATIENCE):
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not select.select([handle], [], [], seconds)[0]:
            raise AssertionError(f'process {pid} does not end')
    finally:
        os.close(handle)


class Service:
    """`patchbay serve` with a data folder that outlives it."""

    def __init__(self, config, data_dir, env=None, arguments=()):
        self.config, self.data_dir, self.arguments = config, data_dir, arguments
        self.env = dict(env or {})
        self.server = None
        self.logs = []

    def start(self):
        if self.server:
            self.server.process.wait()
            self.logs.append(self.server.output())
            self.server.folder.cleanup()
        self.server = server.Server(self.config, env=self.env, data_dir=self.data_dir,
                                    arguments=self.arguments)
        return self.port

    @property
    def port(self):
        return self.server.port

    @property
    def supervisor(self):
        return self.server.process.pid

    def workers(self):
        return children(self.supervisor)

    def kill(self, pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def kill_all(self):
        """The power fails: nobody gets to say anything more."""
        while pids := processes_with(self.data_dir):
            for pid in pids:
                self.kill(pid)
            for pid in pids:
                if pid == self.supervisor:
                    self.server.process.wait()
                else:
                    wait_end(pid)

    def stop(self):
        return self.server.stop() if self.server.process.poll() is None else None

    def wait_answers(self, seconds=server.PATIENCE):
        """Until /readyz is 200 again; returns how long that took."""
        begun = time.monotonic()
        while True:
            with contextlib.suppress(OSError):
                if client.request(self.port, 'GET', '/readyz', timeout=5).status == 200:
                    return time.monotonic() - begun
            if time.monotonic() - begun > seconds:
                raise AssertionError(f'it does not answer again:\n{self.server.output()[-3000:]}')
            time.sleep(0.005)

    def said(self):
        return '\n'.join([*self.logs, self.server.output() if self.server else ''])
