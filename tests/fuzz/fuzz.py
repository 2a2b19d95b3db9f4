#!/usr/bin/env python3
"""Runs every libFuzzer target for some seconds: fuzz.py --build build/fuzz --seconds 10

Seeds come from corpus/NAME and are never written to; what is found goes to BUILD/found/NAME. A
crash is kept there with the input: copy it into the corpus with the fix.
"""
import argparse
import concurrent.futures
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def run(build, name, seconds):
    found = os.path.join(build, 'found', name)
    seeds = os.path.join(HERE, 'corpus', name)
    os.makedirs(found, exist_ok=True)
    if not os.path.isdir(seeds) or not os.listdir(seeds):
        return name, False, f'no seeds in {seeds}'
    dictionary = os.path.join(HERE, name + '.dict')
    command = [os.path.join(build, 'tests', 'fuzz', 'fuzz_' + name), found, seeds,
               f'-max_total_time={seconds}', '-timeout=10', '-rss_limit_mb=2048',
               '-print_final_stats=1', f'-artifact_prefix={found}/']
    if os.path.exists(dictionary):
        command.append('-dict=' + dictionary)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors='replace', check=False)
    return name, done.returncode == 0, done.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', required=True)
    parser.add_argument('--seconds', type=int, default=10)
    parser.add_argument('names', nargs='*')
    options = parser.parse_args()
    names = options.names or sorted(
        file[5:-2] for file in os.listdir(HERE) if file.startswith('fuzz_') and file.endswith('.c'))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(run, options.build, name, options.seconds) for name in names]
        for job in concurrent.futures.as_completed(jobs):
            name, good, output = job.result()
            executed = [line.split()[-1] for line in output.splitlines()
                        if 'number_of_executed_units' in line]
            print(f'{"ok" if good else "not ok"} {name}: {executed[0] if executed else 0} inputs')
            if not good:
                failed += 1
                print('\n'.join(output.splitlines()[-40:]))
    print(f'{len(names) - failed} passed, {failed} failed, 0 skipped')
    return 1 if failed or not names else 0


if __name__ == '__main__':
    sys.exit(main())
