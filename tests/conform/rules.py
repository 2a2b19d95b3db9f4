#!/usr/bin/env python3
"""Every numbered rule of sdk/CONTRACT.md is found where it is broken: rules.py BUILD

Each plugin of broken/ruleN_….c breaks one rule; `patchbay conform` must name that rule and no other. And
each rule says by what it is found, and has such a plugin, so that neither can be forgotten.
"""
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1 and os.path.isdir(sys.argv[1])
                        else os.environ.get('PATCHBAY_BUILD', 'build'))

# The case of conform in which it must be seen; the others follow from using the plugin at all.
USUAL = 'used once'
CASES = {
    'rule1_turn': '64 at once',
    'rule2_turn': '64 at once',
    'rule3': '64 at once',
    'rule5_global': 'variables of the file',
    'rule5_thread_local': 'no variables per thread',
    'rule6': 'cancelled in the N-th call that waits',
    'rule6_llm': 'the client leaves at every event',
    'rule7_start': 'created and destroyed',
    'rule8': 'created and destroyed',
}


def sources():
    return sorted(os.path.basename(path)[:-2]
                  for path in glob.glob(os.path.join(HERE, 'broken', 'rule*.c')))


def rule_of(name):
    return int(re.match(r'rule(\d+)', name).group(1))


def contract():
    """{number: text} of the numbered rules."""
    with open(os.path.join(ROOT, 'sdk', 'CONTRACT.md'), encoding='utf-8') as file:
        pieces = re.split(r'^### (\d+)\. ', file.read().split('\n## Advice')[0], flags=re.M)
    return {int(number): text for number, text in zip(pieces[1::2], pieces[2::2])}


def conform(name):
    config = os.path.join(HERE, 'broken', f'{name}.yaml')
    argv = [f'{BUILD}/patchbay', 'conform', f'{BUILD}/tests/conform/rules/{name}.so', '--only',
            CASES.get(name, USUAL), *(['-c', config] if os.path.exists(config) else [])]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=120, check=False)
    return done.returncode, done.stdout


def sanitized():
    with open(f'{BUILD}/CMakeCache.txt', encoding='utf-8') as file:
        return re.search(r'^PATCHBAY_SANITIZE:\w+=.+$', file.read(), re.M)


class Rules(unittest.TestCase):
    maxDiff = None

    def test_each_rule_names_what_finds_it_and_has_a_plugin_that_breaks_it(self):
        rules, broken = contract(), {rule_of(name) for name in sources()}
        self.assertEqual(set(rules), broken)
        for number, text in rules.items():
            self.assertIn('*Found by*', text, f'rule {number}')

    def test_exactly_the_rule_that_is_broken_is_reported(self):
        names = sources()
        if sanitized():  # it ends the process before the host can say whose memory it was
            names = [name for name in names if name not in
                     ('rule1_turn', 'rule1_event', 'rule2_scope', 'rule2_turn', 'rule2_free',
                      'rule2_realloc')]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for name, (code, said) in zip(names, pool.map(conform, names)):
                with self.subTest(name):
                    self.assertEqual(code, 1, said)
                    told = {int(number) for number in re.findall(r'\bcontract (\d+): ', said)}
                    self.assertEqual(told, {rule_of(name)}, said)

    def test_any_command_takes_contract(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'patchbay.yaml')
            with open(path, 'w', encoding='utf-8') as file:
                file.write('host: {contract: false}\n')
            for extra, wanted in ([], False), (['--contract'], True):
                shown = subprocess.run([f'{BUILD}/patchbay', 'show', '-c', path, '--json', *extra],
                                       stdout=subprocess.PIPE, check=True, timeout=60).stdout
                self.assertEqual(json.loads(shown)['host']['contract'], wanted)

    def test_a_held_loop_is_reported_with_the_function(self):
        _, said = conform('rule4_spin')
        self.assertRegex(said, r"contract 4: stage 'subject' \(broken 1\.0\.0\) held the loop for "
                               r'\d+ ms, in slow_hash')


if __name__ == '__main__':
    unittest.main()
