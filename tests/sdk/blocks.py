"""Documents whose code blocks are tried: ```c shout.c is a file, ```sh is run, ```text is what the block before
it prints. `Installed` is a prefix with a build in it, and the environment of somebody who has only that."""
import os
import re
import subprocess
import tempfile


class Failed(Exception):
    pass


def text_of(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def blocks_of(text):
    """[(language, file name or '', content)]"""
    return re.findall(r'^```(\w+) ?(\S*)\n(.*?)^```$', text, re.M | re.S)


class Installed:
    """with Installed(BUILD) as installed: …"""

    def __init__(self, build):
        self.folder = tempfile.TemporaryDirectory(prefix='patchbay-documents-')
        self.prefix = os.path.join(self.folder.name, 'prefix')
        self.environment = {
            'PATH': os.path.join(self.prefix, 'bin') + ':' + os.environ['PATH'], 'HOME': self.folder.name,
            'CMAKE_PREFIX_PATH': self.prefix, 'LC_ALL': 'C.UTF-8', 'NO_COLOR': '1'}
        self.run(f'cmake --install {build} --prefix {self.prefix}', self.folder.name)
        for at, _, names in os.walk(self.prefix):
            if 'patchbay.pc' in names:
                self.environment['PKG_CONFIG_PATH'] = at

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def run(self, command, folder):
        done = subprocess.run(['sh', '-euc', command], cwd=folder, env=self.environment, text=True, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise Failed(f'{command}\n{done.stdout}{done.stderr}')
        return done.stdout

    def follow(self, text, work):
        """Does what the document says in the folder `work`; (commands run, outputs compared)."""
        blocks = blocks_of(text)
        os.makedirs(work)
        for _, name, content in blocks:
            if name:
                with open(os.path.join(work, name), 'w', encoding='utf-8') as file:
                    file.write(content)
        said, commands, compared = '', 0, 0
        for kind, _, content in blocks:
            if kind == 'sh':
                said = self.run(content, work)
                commands += 1
            elif kind == 'text':
                compared += 1
                if said != content:
                    raise Failed(f'printed\n{said}instead of\n{content}')
        return commands, compared

    def exports(self, path):
        """The names of the dynamic symbols that a plugin has."""
        lines = self.run(f'nm -D --defined-only {path}', '/').splitlines()
        return [line.split()[-1] for line in lines]
