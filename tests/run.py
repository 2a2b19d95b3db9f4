#!/usr/bin/env python3
"""Runs the tests of one folder against a build: run.py --build build/release e2e [-k PATTERN] [-v]

With --jobs N so many files run side by side, each in a process of its own. Ends with one line
`N passed, N failed, N skipped`; what was skipped is told as SKIPPED with its reason.
"""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


class Result(unittest.TextTestResult):
    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f'SKIPPED {test.id()}: {reason}', flush=True)


def run_here(folder, options):
    sys.path[:0] = [HERE, folder]
    loader = unittest.TestLoader()
    if options.k:
        loader.testNamePatterns = [name if '*' in name else f'*{name}*' for name in options.k]
    tests = loader.discover(folder, options.file)
    runner = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result,
                                     verbosity=2 if options.v else 1)
    result = runner.run(tests)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    return result.passed, failed, len(result.skipped)


def run_file(name, arguments):
    begun = time.monotonic()
    done = subprocess.run([sys.executable, os.path.abspath(__file__), *arguments, '--file', name],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors='replace', check=False)
    found = re.search(r'^(\d+) passed, (\d+) failed, (\d+) skipped$', done.stdout, re.M)
    counts = [int(number) for number in found.groups()] if found else [0, 1, 0]
    if done.returncode not in (0, 1) and not counts[1]:
        counts[1] = 1
    return counts, time.monotonic() - begun, done.stdout


def run_beside(folder, options, arguments):
    """Those that say LONG = True first, then the largest: so none of them is left for the end."""
    def weight(name):
        with open(os.path.join(folder, name), encoding='utf-8') as file:
            text = file.read()
        return not re.search(r'^LONG = True', text, re.M), -len(text)

    files = [name for name in os.listdir(folder) if re.fullmatch(r'test_\w+\.py', name)]
    files.sort(key=weight)
    sums = [0, 0, 0]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = {pool.submit(run_file, name, arguments): name for name in files}
        for job in concurrent.futures.as_completed(jobs):
            counts, seconds, output = job.result()
            sums = [a + b for a, b in zip(sums, counts)]
            if any(counts):
                print(f'{jobs[job]}: {counts[0]} of {sum(counts)}, {seconds:.1f} s', flush=True)
            if counts[1] or options.v:
                print(re.sub(r'^(\d+ passed, \d+ failed, \d+ skipped)$', r'  \1', output,
                             flags=re.M), flush=True)
            else:
                print(*re.findall(r'^SKIPPED.*\n', output, re.M), sep='', end='', flush=True)
    return sums


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=os.path.join('build', 'release'))
    parser.add_argument('-k', action='append')
    parser.add_argument('-v', action='store_true')
    parser.add_argument('--jobs', type=int, default=1)
    parser.add_argument('--file', default='test_*.py', help='only this one')
    parser.add_argument('suite')
    options = parser.parse_args()
    folder = os.path.join(HERE, options.suite)
    if not os.path.isdir(folder):
        parser.error(f'there is no folder {folder}')
    os.environ['PATCHBAY_BUILD'] = os.path.abspath(options.build)
    if options.jobs > 1:
        passed, failed, skipped = run_beside(folder, options, [*sys.argv[1:], '--jobs', '1'])
    else:
        passed, failed, skipped = run_here(folder, options)
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    return 1 if failed or passed + skipped == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
