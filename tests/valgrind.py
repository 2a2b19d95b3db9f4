#!/usr/bin/env python3
"""Runs the unit, turn and plugin tests and a part of the end-to-end tests under Valgrind:

    valgrind.py --build build/release

A read or write out of place, a use of what was never set, and memory that nobody can reach any more
are failures.
"""
import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
VALGRIND = ['valgrind', '-q', '--error-exitcode=99', '--leak-check=full',
            '--errors-for-leak-kinds=definite', '--show-leak-kinds=definite']
# What Valgrind 3.19 cannot run, with the reason.
LEFT_OUT = {
    'unit/config/test_golden': 'it starts programs and waits with pidfd_open',
    'unit/config/test_tree': 'it starts programs and waits with pidfd_open',
    'unit/net/test_client_faults': 'its bounds on resident memory do not hold inside Valgrind',
    'unit/net/test_server_limits': 'its bounds on resident memory do not hold inside Valgrind',
}


def programs(build):
    """(name, command) of every test that is a program of ours."""
    told = subprocess.run(['ctest', '--test-dir', build, '--show-only=json-v1'],
                          capture_output=True, text=True, check=True).stdout
    for test in json.loads(told)['tests']:
        command = test.get('command', [])
        if command and command[0].startswith(build):
            yield test['name'], command


def judge(name, command, environment):
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors='replace',
                              timeout=900, env=environment, check=False)
    except subprocess.TimeoutExpired:
        print(f'not ok {name}: not done after 15 minutes', flush=True)
        return False
    good = done.returncode == 0
    print(f'{"ok" if good else "not ok"} {name}', flush=True)
    if not good:
        print('\n'.join((done.stdout + done.stderr).splitlines()[-60:]), flush=True)
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', required=True)
    parser.add_argument('names', nargs='*', help='parts of names of tests; all without')
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    environment = dict(os.environ, CK_TIMEOUT_MULTIPLIER='30')
    passed = failed = skipped = 0
    for name, command in programs(build):
        if options.names and not any(part in name for part in options.names):
            continue
        if name in LEFT_OUT:
            skipped += 1
            print(f'SKIPPED {name}: {LEFT_OUT[name]}', flush=True)
            continue
        good = judge(name, VALGRIND + command, environment)
        passed, failed = passed + good, failed + (not good)
    if not options.names:
        wrapped = dict(os.environ,
                       PATCHBAY_TEST_WRAP=' '.join([*VALGRIND, '--trace-children=yes']))
        for part in ('test_openai_dialect', 'test_native'):
            good = judge(f'e2e/{part}', [sys.executable, os.path.join(HERE, 'run.py'), '--build',
                                         build, 'e2e', '-k', part], wrapped)
            passed, failed = passed + good, failed + (not good)
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
