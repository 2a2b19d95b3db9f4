#!/usr/bin/env python3
"""Each case of `patchbay conform` can fail: cases.py BUILD

Plugins of broken/cases.c are fine but for one thing; the case that is about it says so, and exactly the
fine one passes whole. And how the command is used: --list, --only, --json, exit codes.
"""
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

BUILD = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1 and os.path.isdir(sys.argv[1])
                        else os.environ.get('PATCHBAY_BUILD', 'build'))
FOLDER = f'{BUILD}/tests/conform/cases'

# plugin: (the case, what its sentence says)
BROKEN = {
    'unchecked': ('used while the N-th allocation fails', r'ended by SIGSEGV in broken_run'),
    'unchecked-malloc': ('used while the N-th allocation fails', r'ended by SIGSEGV in broken_run'),
    'leak': ('created and destroyed', r'leave \d+ bytes behind'),
    'grows': ('used 500 times', r'leaves 1 blocks behind'),
    'deep': ('stack of a task', r'it uses \d+ KiB of a task'),
    'option': ('options at their bounds', r'ended by SIGSEGV in broken_create'),
    'start': ('options at their bounds', r'contract 7: .*without a sentence'),
    'first-only': ('used while the N-th host call fails', r'no longer usable: it works once'),
    'constructs': ('no code runs while it is loaded', r'it has 1 constructors'),
    'exports': ('exports patchbay_plugin', r'it also exports broken_helper'),
}


def conform(name, *options, **environment):
    return subprocess.run([f'{BUILD}/patchbay', 'conform', f'{FOLDER}/{name}.so', *options], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=150, check=False,
                          stdin=subprocess.DEVNULL, env={**os.environ, **environment})


class Cases(unittest.TestCase):
    def test_what_is_broken_is_said(self):
        for name, (case, sentence) in BROKEN.items():
            with self.subTest(name):
                done = conform(name, '--only', case)
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertRegex(done.stdout, rf'(?m)^not ok .*{re.escape(case)}.*\n {{7}}.*{sentence}')

    def test_what_is_fine_passes(self):
        done = conform('fine')
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r'\n\d\d passed, 0 failed, 0 skipped\n$')

    def test_a_hang_ends_and_is_reported(self):
        done = conform('hang', '--only', 'used once', PATCHBAY_CONFORM_LIMIT='2')
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn('it did not end within 2 s', done.stdout)

    def test_list_only_and_json(self):
        listed = conform('fine', '--list').stdout.splitlines()
        self.assertIn("stage 'broken': 64 at once", listed)
        quick = conform('fine', '--list', '--quick').stdout.splitlines()
        self.assertLess(set(quick), set(listed))
        only = conform('fine', '--only', "stage*at once", '--json')
        self.assertEqual(json.loads(only.stdout), [{'of': "stage 'broken'", 'case': '64 at once',
                                                    'result': 'ok', 'sentence': ''}])

    def test_interrupted_it_leaves_nothing_behind(self):
        with tempfile.TemporaryDirectory(dir='/tmp') as folder:
            with subprocess.Popen([f'{BUILD}/patchbay', 'conform', f'{FOLDER}/hang.so', '--only', 'used once'],
                                  env={**os.environ, 'TMPDIR': folder}, stdin=subprocess.DEVNULL) as running:
                while not glob.glob(f'{folder}/conform-*/harness-*'):
                    self.assertIsNone(running.poll())
                running.terminate()
                self.assertEqual(running.wait(60), -signal.SIGTERM)
            self.assertEqual(os.listdir(folder), [])

    def test_bad_usage_is_2(self):
        for arguments in (['--only'], ['--wrong'], ['-c', '/nothing/there.yaml']):
            self.assertEqual(conform('fine', *arguments).returncode, 2, arguments)
        self.assertEqual(conform('not-there').returncode, 2)

    def test_a_configuration_that_does_not_load_is_said_with_its_place(self):
        path = os.path.join(FOLDER, 'wrong.yaml')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('pipelines:\n  p: {stages: [{broken: {cuont: 1}}]}\n')
        self.addCleanup(os.remove, path)
        done = conform('fine', '-c', path, '--only', 'used once')
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"wrong\.yaml does not load: 2:\d+: .*did you mean 'count'")


if __name__ == '__main__':
    unittest.main()
