"""The llm `llamacpp` with a real small model: its own tests, what `conform` says, and a reply on the terminal."""
import os
import shutil
import subprocess
import tempfile
import unittest

import llama
from built import FLAGS, SOURCES, run
from harness import server


class Llamacpp(unittest.TestCase):
    """Built once more, for itself: libllama stands in a prefix of its own."""

    @classmethod
    def setUpClass(cls):
        cls.library, cls.model = llama.place(), llama.model()
        cls.folder = tempfile.mkdtemp(prefix='patchbay-llamacpp-')
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.prefix = os.path.join(cls.folder, 'prefix')
        run('cmake', '--install', server.BUILD, '--prefix', cls.prefix)
        cls.build = os.path.join(cls.folder, 'build')
        sources = os.path.join(cls.folder, 'plugins-contrib')
        shutil.copytree(SOURCES, sources, ignore=shutil.ignore_patterns('build*'))
        said = run('cmake', '-S', sources, '-B', cls.build, f'-DCMAKE_PREFIX_PATH={cls.prefix};{cls.library}',
                   '-DCONTRIB_PLUGINS=llamacpp', f'-DCMAKE_C_FLAGS={FLAGS}',
                   '-DCMAKE_C_STANDARD_LIBRARIES=-lstdc++ -lm')
        if 'contrib: built llamacpp' not in said:
            raise AssertionError(said)
        run('cmake', '--build', cls.build, '-j', str(os.cpu_count()))
        cls.example = os.path.join(sources, 'llamacpp', 'example.yaml')

    def patchbay(self, *words, timeout=120):
        done = subprocess.run([os.path.join(self.prefix, 'bin', 'patchbay'), *words, '-c', self.example, '--set',
                               f'plugins.path=[{self.build}/plugins]', '--set', f'llms.local.model={self.model}'],
                              cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=timeout, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_its_own_tests(self):
        done = subprocess.run(['ctest', '--test-dir', self.build, '-R', '^llamacpp/', '--output-on-failure'],
                              env=dict(os.environ, LLAMACPP_TEST_MODEL=self.model), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn('Skipped', done.stdout)

    def test_it_answers(self):
        self.assertIn('Paris', self.patchbay('ask', 'What is the capital of France?'))
