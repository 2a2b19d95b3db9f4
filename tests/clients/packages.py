"""The packages that client tests need, pinned, in the user's cache folder: installed once for each version of
their lock, for all checkouts.

What a registry does not give is told, and skips the tests that wanted it.
"""
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import unittest

from harness import server

HERE = os.path.dirname(os.path.abspath(__file__))
NODE = os.path.join(server.ROOT, 'build', 'clients')
CACHE = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'patchbay-tests')
LOCK = ('package.json', 'package-lock.json')


def digest_of(paths, more=''):
    digest = hashlib.sha256(more.encode())
    for path in paths:
        with open(path, 'rb') as file:
            digest.update(file.read())
    return digest.hexdigest()


def once(name, digest, install):
    """The folder of this name and digest in the cache; install(folder) fills one that is not there yet. One
    that broke off is made anew; who comes meanwhile waits."""
    place = os.path.join(CACHE, f'{name}-{digest[:16]}')
    if not os.path.exists(os.path.join(place, 'installed')):
        os.makedirs(CACHE, exist_ok=True)
        with open(place + '.lock', 'w', encoding='ascii') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(os.path.join(place, 'installed')):
                shutil.rmtree(place, ignore_errors=True)
                os.makedirs(place)
                install(place)
                with open(os.path.join(place, 'installed'), 'w', encoding='ascii') as file:
                    file.write(digest)
    return place


def run(command, what, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or done.stdout.splitlines() or ['failed']
        raise unittest.SkipTest(f'{what} cannot be had, so no client of it is tested: {said[-1]}')


def python_with(requirements):
    """The interpreter of an environment with what the file of this folder pins: all of it, so pip has nothing to
    resolve."""
    path = os.path.join(HERE, requirements)

    def install(place):
        run([sys.executable, '-m', 'venv', '--clear', place], 'python3-venv')
        run([os.path.join(place, 'bin', 'python'), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check',
             '--no-deps', '--no-compile', '--only-binary', ':all:', '--retries', '1', '-r', path],
            f'what {requirements} pins')
    place = once(os.path.splitext(requirements)[0], digest_of([path], sys.version + sys.executable), install)
    return os.path.join(place, 'bin', 'python')


def node_with(*scripts):
    """build/clients with all that package-lock.json pins, and these scripts of this folder."""
    if not shutil.which('npm'):
        raise unittest.SkipTest('npm is not installed')
    lock = [os.path.join(HERE, name) for name in LOCK]

    def install(place):
        for path in lock:
            shutil.copy(path, place)
        run(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=1'],
            'what package-lock.json pins', place)
    place = once('node', digest_of(lock), install)
    os.makedirs(NODE, exist_ok=True)
    link = os.path.join(NODE, 'node_modules')
    if os.path.realpath(link) != os.path.join(place, 'node_modules'):
        if os.path.islink(link):
            os.unlink(link)
        shutil.rmtree(link, ignore_errors=True)
        os.symlink(os.path.join(place, 'node_modules'), link)
    for script in [*lock[:1], *(os.path.join(HERE, script) for script in scripts)]:
        shutil.copy(script, NODE)
    return NODE
