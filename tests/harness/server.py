"""The real `patchbay serve` on a free port, and `patchbay` commands run to their end."""
import json
import os
import re
import select
import shlex
import signal
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get('PATCHBAY_BUILD', os.path.join(ROOT, 'build', 'release')))
BINARY = os.path.join(BUILD, 'patchbay')
ADDRESS = re.compile(r'answers at https?://[^:\s]+:(\d+)')
# What the server runs under: valgrind.py sets it.
WRAP = shlex.split(os.environ.get('PATCHBAY_TEST_WRAP', ''))
# Sanitizers and Valgrind are slow; nothing here measures time, so be patient.
PATIENCE = 60
# What they say about a worker, whose end the supervisor would only mend.
REPORT = re.compile(r'ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|: runtime error: |'
                    r'^==\d+== (?!WARNING: ASan)', re.MULTILINE)


def environment(more=None):
    """This process's, without what would make a config behave otherwise."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(('OPENAI_', 'PATCHBAY_'))}
    kept.setdefault('ASAN_OPTIONS', 'detect_leaks=1:abort_on_error=0')
    kept.update(more or {})
    return kept


def run(*arguments, env=None, input=None, cwd=ROOT, timeout=PATIENCE):
    """A command to its end; returns CompletedProcess with text."""
    done = subprocess.run([BINARY, *arguments], env=environment(env), input=input, cwd=cwd,
                          capture_output=True, text=True, timeout=timeout, check=False)
    # AddressSanitizer says this of every program with coroutines.
    done.stderr = ''.join(line for line in done.stderr.splitlines(keepends=True)
                          if 'makecontext/swapcontext' not in line)
    return done


class Server:
    """`workers`: how many; None leaves it to the configuration."""

    def __init__(self, config, env=None, arguments=(), data_dir=None, workers=2):
        self.folder = tempfile.TemporaryDirectory(prefix='patchbay-test-')
        self.log_path = os.path.join(self.folder.name, 'log')
        data_dir = data_dir or os.path.join(self.folder.name, 'data')
        os.makedirs(data_dir, exist_ok=True)
        argv = [*WRAP, BINARY, 'serve', '-c', config, '--port', '0', '--data-dir', data_dir,
                *arguments]
        if workers is not None:
            argv += ['--set', f'host.workers={workers}']
        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen(argv, env=environment(env), cwd=ROOT, stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL)
        self.port = self._wait_address()

    def _wait_address(self):
        until = time.monotonic() + PATIENCE
        exited = os.pidfd_open(self.process.pid)
        try:
            while time.monotonic() < until:
                found = ADDRESS.search(self.output())
                if found:
                    return int(found.group(1))
                if select.select([exited], [], [], 0.01)[0]:
                    raise AssertionError(f'serve ended with {self.process.wait()}:\n'
                                         f'{self.output()}')
        finally:
            os.close(exited)
        self.kill()
        raise AssertionError(f'serve did not say where it listens:\n{self.output()}')

    def output(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as file:
            return file.read()

    def log(self):
        """The log lines that are JSON."""
        return [json.loads(line) for line in self.output().splitlines() if line.startswith('{')]

    def wait_log(self, mark):
        """Waits until a log line contains `mark`."""
        until = time.monotonic() + PATIENCE
        while mark not in self.output():
            if time.monotonic() > until:
                raise AssertionError(f'{mark!r} is not in the log:\n{self.output()[-4000:]}')
            time.sleep(0.01)

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def stop(self):
        """Ends it as an operator would; returns the exit code and keeps its output."""
        if self.process.poll() is None:
            self.signal()
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f'serve did not stop:\n{self.output()[-4000:]}') from None
        self.said = self.output()
        self.folder.cleanup()
        reported = REPORT.search(self.said)
        if reported:
            raise AssertionError(self.said[reported.start():][:6000])
        return code

    def kill(self):
        """And its workers, which would wait for another supervisor."""
        workers = []
        if self.process.poll() is None:
            with open(f'/proc/{self.process.pid}/task/{self.process.pid}/children', encoding='ascii') as file:
                workers = [int(pid) for pid in file.read().split()]
        self.process.kill()
        self.process.wait()
        for pid in workers:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
