"""The product, installed into a prefix, and plugins-contrib/ built there, as a stranger would. Once for all tests of
this folder: it goes when they end."""
import atexit
import os
import shutil
import subprocess
import tempfile

from harness import server

SOURCES = os.path.join(server.ROOT, 'plugins-contrib')
FLAGS = '-Wpedantic -Werror'
_built = None


def run(*command, folder=None, code=0, timeout=300):
    """A command to its end, with no more of the environment than a stranger has."""
    environment = {'PATH': os.environ['PATH'], 'HOME': os.environ.get('HOME', '/tmp'), 'LC_ALL': 'C.UTF-8',
                   'TMPDIR': tempfile.gettempdir(), 'TELEGRAM_API': 'http://127.0.0.1:9'}  # nobody outside is asked
    done = subprocess.run(command, cwd=folder, env=environment, text=True, check=False, timeout=timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if code is not None and done.returncode != code:
        raise AssertionError(f'{" ".join(command)}\ngave {done.returncode}, not {code}:\n{done.stdout}')
    return done.stdout


class Built:
    """`plugins`: names of those that were built; `left_out`: name → why."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix='patchbay-contrib-')
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.prefix = os.path.join(self.folder, 'prefix')
        self.program = os.path.join(self.prefix, 'bin', 'patchbay')
        self.build = os.path.join(self.folder, 'build')
        self.path = os.path.join(self.build, 'plugins')
        # Copied, so that nothing can be included that lies beside it.
        sources = os.path.join(self.folder, 'plugins-contrib')
        shutil.copytree(SOURCES, sources, ignore=shutil.ignore_patterns('build*'))
        run('cmake', '--install', server.BUILD, '--prefix', self.prefix)
        launchers = [f'-DCMAKE_{language}_COMPILER_LAUNCHER=ccache' for language in ('C', 'CXX')
                     if shutil.which('ccache')]
        generator = ['-G', 'Ninja'] if shutil.which('ninja') else []
        run('cmake', '-S', sources, '-B', self.build, *generator, f'-DCMAKE_PREFIX_PATH={self.prefix}',
            f'-DCMAKE_C_FLAGS={FLAGS}', '-DCMAKE_BUILD_TYPE=RelWithDebInfo', *launchers)
        self.plugins, self.left_out = [], {}
        with open(os.path.join(self.build, 'contrib.txt'), encoding='utf-8') as file:
            for line in file.read().splitlines():
                if line.startswith('built '):
                    self.plugins.append(line.removeprefix('built '))
                else:
                    name, why = line.removeprefix('left out ').split(': ', 1)
                    self.left_out[name] = why
        run('cmake', '--build', self.build, '-j', str(os.cpu_count()))

    def patchbay(self, *arguments, **more):
        """The installed program, which finds the plugins."""
        return run(self.program, *arguments, '--set', f'plugins.path=[{self.path}]', **more)


def built():
    """The one of this run; what failed once is not tried again."""
    global _built
    if not _built:
        try:
            _built = Built()
        except AssertionError as error:
            _built = error
    if isinstance(_built, AssertionError):
        raise _built
    return _built
