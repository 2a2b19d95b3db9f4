#!/usr/bin/env python3
"""Every plugin passes `patchbay conform`: conform.py BUILD [--quick] [PLUGIN…]

Two plugins at a time. What a plugin needs beyond its option table is in configs/NAME.yaml. Ends with one
line `N passed, N failed, N skipped`, which counts cases.
"""
import concurrent.futures
import glob
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 1200


def conform(build, path, quick):
    name = os.path.basename(path)[:-3]
    config = os.path.join(HERE, 'configs', f'{name}.yaml')
    argv = [f'{build}/patchbay', 'conform', path, '--json', *(['--quick'] if quick else []),
            *(['-c', config] if os.path.exists(config) else [])]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          timeout=LIMIT, stdin=subprocess.DEVNULL)
    try:
        cases = json.loads(done.stdout)
    except ValueError:
        cases = [{'of': 'file', 'case': 'runs', 'result': 'not ok', 'sentence': done.stdout[-2000:]}]
    return name, done.returncode, cases


def main():
    words = [word for word in sys.argv[1:] if not word.startswith('--')]
    quick = '--quick' in sys.argv
    build = os.path.abspath(words[0] if words else 'build')
    plugins = sorted(glob.glob(f'{build}/plugins/*.so'))
    if words[1:]:
        plugins = [path for path in plugins if os.path.basename(path)[:-3] in words[1:]]
    counts = {'ok': 0, 'not ok': 0, 'skipped': 0}
    with tempfile.TemporaryDirectory(prefix='patchbay-conform-') as folder, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        os.chdir(folder)  # what a configuration names by a relative path
        for name, code, cases in pool.map(lambda path: conform(build, path, quick), plugins):
            for case in cases:
                counts[case['result']] += 1
                if case['result'] == 'not ok':
                    print(f"not ok {name}: {case['of']}: {case['case']}\n       {case['sentence']}", flush=True)
            if code not in (0, 1):
                counts['not ok'] += 1
                print(f'not ok {name}: exit code {code}')
    if not plugins:
        print(f'not ok there are no plugins in {build}/plugins')
        counts['not ok'] += 1
    print(f"{counts['ok']} passed, {counts['not ok']} failed, {counts['skipped']} skipped")
    return 1 if counts['not ok'] else 0


sys.exit(main())
