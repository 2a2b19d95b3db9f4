#!/usr/bin/env python3
"""Runs the tests of one folder against a build: run.py --build build/release e2e [-k PATTERN] [-v]

Ends with one line `N passed, N failed, N skipped`; what was skipped is told as SKIPPED with its
reason.
"""
import argparse
import os
import sys
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


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=os.path.join('build', 'release'))
    parser.add_argument('-k', action='append')
    parser.add_argument('-v', action='store_true')
    parser.add_argument('suite')
    options = parser.parse_args()
    folder = os.path.join(HERE, options.suite)
    if not os.path.isdir(folder):
        parser.error(f'there is no folder {folder}')
    os.environ['PATCHBAY_BUILD'] = os.path.abspath(options.build)
    sys.path[:0] = [HERE, folder]
    loader = unittest.TestLoader()
    if options.k:
        loader.testNamePatterns = [name if '*' in name else f'*{name}*' for name in options.k]
    tests = loader.discover(folder, 'test_*.py')
    runner = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result,
                                     verbosity=2 if options.v else 1)
    result = runner.run(tests)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    skipped = len(result.skipped)
    print(f'{result.passed} passed, {failed} failed, {skipped} skipped')
    return 1 if failed or result.passed + skipped == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
