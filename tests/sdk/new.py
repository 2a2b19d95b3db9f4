#!/usr/bin/env python3
"""`patchbay new` as a stranger uses it: new.py BUILD

Installs BUILD into an empty prefix, lets the installed program write a plugin of each kind, builds them with
strict warnings, runs their tests and `conform`, and looks at what each exports. Then what `new` refuses."""
import concurrent.futures
import os
import re
import shutil
import subprocess
import tempfile
import sys
import unittest

BUILD = ''
FLAGS = '-Wall -Wextra -Wpedantic -Wshadow -Werror'


def run(*command, folder=None, code=0):
    environment = {'PATH': os.environ['PATH'], 'HOME': os.environ.get('HOME', '/tmp'),
                   'LC_ALL': 'C.UTF-8', 'TMPDIR': tempfile.gettempdir()}
    done = subprocess.run(command, cwd=folder, env=environment, text=True, check=False, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != code:
        raise AssertionError(f'{command} gave {done.returncode}, not {code}:\n{done.stdout}')
    return done.stdout


class New(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='patchbay-new-')
        cls.addClassCleanup(cls.folder.cleanup)
        cls.work = cls.folder.name
        cls.prefix = os.path.join(cls.work, 'prefix')
        cls.program = os.path.join(cls.prefix, 'bin', 'patchbay')
        run('cmake', '--install', BUILD, '--prefix', cls.prefix)
        said = run(cls.program, 'new', '--help')
        cls.kinds = re.findall(r'^  ([a-z_]+) {2,}', said.split('KINDs')[1].split('\n\n')[0], re.M)

    def new(self, *arguments, code=0):
        return run(self.program, 'new', *arguments, folder=self.work, code=code)

    def build(self, name):
        folder = os.path.join(self.work, name)
        launcher = ['-DCMAKE_C_COMPILER_LAUNCHER=ccache'] if shutil.which('ccache') else []
        run('cmake', '-B', 'build', f'-DCMAKE_PREFIX_PATH={self.prefix}', f'-DCMAKE_C_FLAGS={FLAGS}',
            *launcher, folder=folder)
        run('cmake', '--build', 'build', folder=folder)
        return folder

    def whole(self, kind):
        """One plugin from `new` to `conform`."""
        name = f'my-{kind.replace("_", "-")}'
        self.assertIn('cmake --build build', self.new(kind, name))
        folder = self.build(name)
        said = run('ctest', '--test-dir', 'build', '--output-on-failure', folder=folder)
        self.assertRegex(said, 'harness .*Passed')
        self.assertRegex(said, 'example .*Passed')
        symbols = run('nm', '-D', '--defined-only', f'build/{name}.so', folder=folder)
        self.assertEqual(symbols.split()[-1], 'patchbay_plugin')
        self.assertEqual(len(symbols.splitlines()), 1, symbols)
        self.assertIn(f'{kind} {name}', run(self.program, 'inspect', name, '-c', 'example.yaml',
                                            folder=folder))
        said = run(self.program, 'conform', f'build/{name}.so', folder=folder)
        self.assertRegex(said, r'\n[1-9]\d passed, 0 failed')
        for path in ('README.md', '.github/workflows/ci.yml', '.gitignore'):
            with open(os.path.join(folder, path), encoding='utf-8') as file:
                self.assertNotRegex(file.read(), '@[A-Z]+@')

    def test_every_kind_builds_passes_its_tests_and_conforms(self):
        templates = os.path.join(self.prefix, 'share', 'patchbay', 'template')
        self.assertEqual(set(self.kinds), set(os.listdir(templates)) - {'common', 'shout', 'c++', 'rust'})
        with concurrent.futures.ThreadPoolExecutor(2) as both:
            for kind, done in [(kind, both.submit(self.whole, kind)) for kind in self.kinds]:
                with self.subTest(kind=kind):
                    done.result()

    def test_a_plugin_that_does_wrong_fails_its_tests(self):
        self.new('stage', 'question')  # a word that the template uses too
        source = os.path.join(self.work, 'question', 'question.c')
        with open(source, encoding='utf-8') as file:
            text = file.read()
        with open(source, 'w', encoding='utf-8') as file:
            file.write(text.replace('all[0] = first;', 'all[0] = messages[0];'))
        folder = self.build('question')
        said = run('ctest', '--test-dir', 'build', '--output-on-failure', folder=folder, code=8)
        self.assertIn('a_term_is_explained', said)

    def test_nothing_is_overwritten(self):
        os.makedirs(os.path.join(self.work, 'mine'))
        kept = os.path.join(self.work, 'mine', 'mine.c')
        with open(kept, 'w', encoding='utf-8') as file:
            file.write('kept')
        self.assertIn('mine is there already and stays as it is', self.new('tool', 'mine', code=6))
        with open(kept, encoding='utf-8') as file:
            self.assertEqual(file.read(), 'kept')
        self.assertEqual(os.listdir(os.path.dirname(kept)), ['mine.c'])
        self.new('tool', 'mine', '--dir', 'elsewhere')
        self.assertTrue(os.path.exists(os.path.join(self.work, 'elsewhere', 'mine.c')))

    def test_refusals_are_sentences(self):
        for arguments, sentence in (
                (('stagee', 'x'), "there is no template for the kind 'stagee'; did you mean 'stage'?"),
                (('notifier', 'x'), "does not load the kind 'notifier' yet: its header, patchbay/draft/"),
                (('stage', 'My'), "'My': a name begins with a small letter"),
                (('stage', '../up'), "'../up': a name begins with a small letter"),
                (('stage', 'a/b'), "a name is small letters, digits and '-'"),
                (('stage', 'a--b'), "each '-' stands between two other characters"),
                (('stage', 'x' * 41), 'a name has 1 to 40 characters'),
                (('stage', 'static'), 'the word means something else in C'),
                (('stage', 'generate'), 'one of this name is installed already'),
                (('stage', 'lost', '--dir', 'no/such/folder'), 'cannot be made: No such file'),
                (('stage',), 'KIND NAME is missing')):
            with self.subTest(arguments=arguments):
                self.assertIn(sentence, self.new(*arguments, code=2))
        self.assertFalse(os.path.exists(os.path.join(self.work, 'lost')))

    def test_a_template_that_is_gone_leaves_nothing_behind(self):
        away = os.path.join(self.prefix, 'share', 'patchbay', 'template', 'common')
        os.rename(away, away + '.away')
        try:
            self.assertIn('cannot be read', self.new('stage', 'half', code=5))
        finally:
            os.rename(away + '.away', away)
        self.assertFalse(os.path.exists(os.path.join(self.work, 'half')))


if __name__ == '__main__':
    BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
