"""A command in a terminal of its own (a pty): what a person types, and what is shown."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from harness.server import BINARY, PATIENCE, ROOT, environment

SEQUENCE = re.compile(rb'\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()].|\x1b[=>78M]')
CUT = re.compile(rb'\x1b(\[[0-9;?]*)?$|\x1b[()]$')


class Terminal:
    """`expect` waits for text and goes on behind it; `raw` has every byte with its sequences."""

    def __init__(self, *arguments, program=BINARY, env=None, columns=80, rows=24, cwd=ROOT):
        self.raw = b''
        self.at = 0
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [program, *arguments], stdin=slave, stdout=slave, stderr=slave, cwd=cwd,
            start_new_session=True, env=environment({'TERM': 'xterm', **(env or {})}),
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)

    def text(self):
        """What was written so far, without sequences and with plain line feeds."""
        whole = CUT.sub(b'', self.raw)
        return SEQUENCE.sub(b'', whole).decode(errors='ignore').replace('\r\n', '\n')

    def _read(self, until):
        ready, _, _ = select.select([self.master], [], [], max(0, until - time.monotonic()))
        if not ready:
            raise AssertionError(f'nothing more came: {self.text()[-3000:]!r}')
        try:
            data = os.read(self.master, 65536)
        except OSError:  # EIO: the other side is closed
            data = b''
        self.raw += data
        return bool(data)

    def expect(self, text):
        """Waits until `text` was shown behind what was expected before; returns what lay between."""
        until = time.monotonic() + PATIENCE
        while text not in self.text()[self.at:]:
            if not self._read(until):
                raise AssertionError(f'ended without {text!r}: {self.text()[-3000:]!r}')
        shown = self.text()
        at = shown.index(text, self.at)
        between, self.at = shown[self.at:at], at + len(text)
        return between

    def send(self, text):
        os.write(self.master, text.encode() if isinstance(text, str) else text)

    def line(self, text):
        self.send(text + '\r')

    def resize(self, columns, rows=24):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def echoes(self):
        """Is what is typed shown, line by line, as when no program changed it?"""
        return termios.tcgetattr(self.master)[3] & (termios.ECHO | termios.ICANON) == \
            termios.ECHO | termios.ICANON

    def end(self):
        """Reads to the end; the exit code."""
        until = time.monotonic() + PATIENCE
        while self._read(until):
            pass
        return self.process.wait(PATIENCE)
