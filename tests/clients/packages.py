"""The packages that client tests need, pinned, under build/: installed once for each version of their lock.

What a registry does not give is told, and skips the tests that wanted it.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import unittest

from harness import server

HERE = os.path.dirname(os.path.abspath(__file__))
NODE = os.path.join(server.ROOT, 'build', 'clients')
LOCK = ('package.json', 'package-lock.json')


def digest_of(paths, more=''):
    digest = hashlib.sha256(more.encode())
    for path in paths:
        with open(path, 'rb') as file:
            digest.update(file.read())
    return digest.hexdigest()


def once(place, digest, install):
    """Calls install unless it did for this digest."""
    stamp = os.path.join(place, 'installed')
    if os.path.exists(stamp):
        with open(stamp, encoding='ascii') as file:
            if file.read() == digest:
                return
        os.unlink(stamp)
    install()
    with open(stamp, 'w', encoding='ascii') as file:
        file.write(digest)


def run(command, what, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or done.stdout.splitlines() or ['failed']
        raise unittest.SkipTest(f'{what} cannot be had, so no client of it is tested: {said[-1]}')


def python_with(requirements):
    """The interpreter of build/clients-python/<name> with what the file of this folder pins: all of it,
    so pip has nothing to resolve."""
    path = os.path.join(HERE, requirements)
    place = os.path.join(server.ROOT, 'build', 'clients-python', os.path.splitext(requirements)[0])
    python = os.path.join(place, 'bin', 'python')

    def install():
        run([sys.executable, '-m', 'venv', '--clear', place], 'python3-venv')
        run([python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps',
             '--no-compile', '--only-binary', ':all:', '--retries', '1', '-r', path],
            f'what {requirements} pins')
    once(place, digest_of([path], sys.version), install)
    return python


def node_with(*scripts):
    """build/clients with all that package-lock.json pins, and these scripts of this folder."""
    if not shutil.which('npm'):
        raise unittest.SkipTest('npm is not installed')
    os.makedirs(NODE, exist_ok=True)
    lock = [os.path.join(HERE, name) for name in LOCK]

    def install():
        for path in lock:
            shutil.copy(path, NODE)
        run(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=1'],
            'what package-lock.json pins', NODE)
    once(NODE, digest_of(lock), install)
    for script in scripts:
        shutil.copy(os.path.join(HERE, script), NODE)
    return NODE
