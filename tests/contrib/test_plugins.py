"""Each plugin of plugins-contrib/: its own tests, what it exports, what `inspect` and `conform` say of it."""
import json
import os
import re
import unittest

from built import SOURCES, built, run

FILES = ('README.md', 'example.yaml', 'CMakeLists.txt')


def names():
    return sorted(name for name in os.listdir(SOURCES) if os.path.exists(os.path.join(SOURCES, name, FILES[2])))


class Plugin:
    """What must be true of each; the classes below are made from it, one a plugin."""
    NAME = None

    @classmethod
    def setUpClass(cls):
        cls.built = built()
        if cls.NAME in cls.built.left_out:
            raise unittest.SkipTest(cls.built.left_out[cls.NAME])
        cls.file = os.path.join(cls.built.path, f'{cls.NAME}.so')
        cls.example = os.path.join(SOURCES, cls.NAME, 'example.yaml')

    def test_its_own_tests(self):
        said = run('ctest', '--test-dir', self.built.build, '-R', f'^{self.NAME}/', '-j', str(os.cpu_count()),
                   '--output-on-failure', '--no-tests=error')
        self.assertRegex(said, rf'{self.NAME}/test_\w+ \.+ +Passed')
        self.assertRegex(said, rf'{self.NAME}/example \.+ +Passed')

    def test_it_exports_one_symbol(self):
        symbols = run('nm', '-D', '--defined-only', self.file)
        self.assertEqual([line.split()[-1] for line in symbols.splitlines()], ['patchbay_plugin'])

    def test_it_is_described(self):
        with open(os.path.join(SOURCES, self.NAME, 'README.md'), encoding='utf-8') as file:
            text = file.read()
        for block in re.findall(r'^```yaml\n(.*?)^```$', text, re.M | re.S):
            self.assertIn(self.NAME, block)
        about = json.loads(self.built.patchbay('inspect', self.NAME, '-c', self.example, '--json'))
        self.assertEqual(about['name'], self.NAME)
        for component in about['components']:
            for option in component.get('schema', {}).get('properties', {}):
                self.assertIn(f'`{option}`', text, f'{self.NAME}: README.md does not tell of this option')

    def installed_example(self):
        """The example with its plugins where they were built."""
        with open(self.example, encoding='utf-8') as file:
            text = file.read()
        path = os.path.join(self.built.folder, f'{self.NAME}.yaml')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text.replace('build/plugins', self.built.path))
        return path

    def test_it_conforms(self):
        if '  conform ' not in self.built.patchbay('--help'):
            self.skipTest('this patchbay has no command `conform`')
        said = run(self.built.program, 'conform', self.file, '-c', self.installed_example(), '--quick')
        self.assertRegex(said, r'\d+ passed, 0 failed')


def load_tests(loader, _standard, _pattern):
    suite = unittest.TestSuite()
    for name in names():
        case = type(name.replace('-', '_'), (Plugin, unittest.TestCase), {'NAME': name})
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite
