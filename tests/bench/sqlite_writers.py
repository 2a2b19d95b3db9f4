#!/usr/bin/env python3
"""Prints how evenly and how fast processes write to one file, by the plugin and by programs that only
set busy_timeout, with real syncs:

    sqlite_writers.py --build build/release [--seconds 5] [--folder DIR]

The file is made in DIR (without: the build's folder), which must be on a real disk.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

CASES = [(1, 64, ''), (1, 64, 'text'), (2, 32, ''), (2, 64, ''), (4, 32, '')]
IN_MEMORY = ('tmpfs', 'ramfs')


def file_system(folder):
    return subprocess.run(['stat', '-f', '-c', '%T', folder], check=True, capture_output=True,
                          text=True).stdout.strip()


def measure(options, how, processes, in_flight, text):
    with tempfile.TemporaryDirectory(prefix='sqlite-writers-', dir=options.folder) as folder:
        command = [os.path.join(options.build, 'tests', 'bench', 'bench_sqlite_writers'), how,
                   str(processes), str(in_flight), str(options.seconds),
                   os.path.join(folder, 'bench.db')]
        told = subprocess.run(command + ([text] if text else []), check=True, capture_output=True,
                              text=True)
        return json.loads(told.stdout)


def show(name, figures):
    shares = ' : '.join(f'{share:.0f}' for share in figures['shares'])
    per_commit = figures['rows'] / figures['commits'] if figures['commits'] else 0
    print(f'  {name:<6} {figures["rows"]:>7.0f} rows/s  {figures["commits"]:>6.0f} commits/s  '
          f'{per_commit:>5.1f} rows a commit  shares {shares}  p50 {figures["p50"]:.2f}  '
          f'p99 {figures["p99"]:.2f}  p99.9 {figures["p999"]:.2f}  longest {figures["longest"]:.1f}  '
          f'gap {figures["gap"]:.1f} ms  {figures["cpu"]:.1f} us of CPU a row', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default='build/release')
    parser.add_argument('--seconds', type=float, default=5)
    parser.add_argument('--folder')
    options = parser.parse_args()
    options.folder = options.folder or options.build
    kind = file_system(options.folder)
    if kind in IN_MEMORY:
        sys.exit(f'{options.folder} is on {kind}: syncs cost nothing there; name another --folder')
    free = shutil.disk_usage(options.folder).free
    if free < 2 << 30:
        sys.exit(f'{options.folder} has only {free >> 20} MB left')
    for processes, in_flight, text in CASES:
        print(f'{processes} x {in_flight} in flight, '
              f'{"text ids, three indexes" if text else "integer keys, one index"}')
        show('ours', measure(options, 'ours', processes, in_flight, text))
        show('plain', measure(options, 'plain', processes, in_flight, text))


if __name__ == '__main__':
    main()
