"""Python packages that a client test needs, in a virtual environment of their own."""
import hashlib
import os
import subprocess
import sys
import unittest

from harness import server

HERE = os.path.dirname(os.path.abspath(__file__))


def python_with(requirements):
    """The interpreter of build/clients-python/<name> with what the file of this folder pins; made once for
    each of its versions. Raises SkipTest where pip cannot."""
    path = os.path.join(HERE, requirements)
    with open(path, 'rb') as file:
        digest = hashlib.sha256(file.read() + sys.version.encode()).hexdigest()
    place = os.path.join(server.ROOT, 'build', 'clients-python', os.path.splitext(requirements)[0])
    python, stamp = os.path.join(place, 'bin', 'python'), os.path.join(place, 'installed')
    if os.path.exists(stamp):
        with open(stamp, encoding='ascii') as file:
            if file.read() == digest:
                return python
    for command in ([sys.executable, '-m', 'venv', '--clear', place],
                    [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check',
                     '--no-deps', '--retries', '1', '-r', path]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise unittest.SkipTest(
                f'the packages of {requirements} cannot be had, so the client is not tested: ' +
                (done.stderr.strip().splitlines() or done.stdout.splitlines() or ['failed'])[-1])
    with open(stamp, 'w', encoding='ascii') as file:
        file.write(digest)
    return python
