#!/usr/bin/env python3
"""Prints where the microseconds of a pass-through turn go: profile.py --build build/release

Samples the server with perf while 64 connections ask, and adds the samples up by where the function
stands: the kernel by kind of work, the host by folder, each plugin, each library.
"""
import argparse
import collections
import os
import re
import subprocess
import sys

import rig as rigs

TURNS = 150000
KERNEL = (('poll', r'poll|wait_queue|__wake'),
          ('TCP over loopback', r'tcp|ip_|inet|skb|sock|net_|netif|dev_|bbr|loopback|backlog|softirq'))


def folders(binary):
    """Function → folder of the host, from the debug information."""
    out = subprocess.run(['nm', '--line-numbers', '--defined-only', binary], capture_output=True,
                         text=True, check=True).stdout
    found = {}
    for line in out.splitlines():
        match = re.match(r'\S+ [tT] (\S+)\t.*/(host/\w+)/(\w+)\.', line)
        if match:
            found[match.group(1)] = match.group(2)
    return found


def place(dso, symbol, where):
    """What a sample is counted as."""
    if dso.startswith('[kernel'):
        kinds = (name for name, pattern in KERNEL if re.search(pattern, symbol))
        return 'kernel: ' + next(kinds, 'other')
    name = os.path.basename(dso)
    if name == 'patchbay':
        if 'llhttp' in symbol:
            return 'llhttp'
        return where.get(symbol.split('.')[0], 'host, other')
    return f'plugin {name[:-3]}' if '/plugins/' in dso else name


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', required=True)
    parser.add_argument('--symbols', type=int, default=0, help='print so many functions too')
    options = parser.parse_args()
    where = folders(f'{options.build}/patchbay')
    places, symbols = collections.Counter(), collections.Counter()
    with rigs.Rig(options.build) as rig:
        server = rig.patchbay(rig.mock())
        rig.load(server, requests=5000, connections=64)
        data = f'{rig.folder}/perf.data'
        perf = subprocess.Popen(['perf', 'record', '-q', '-e', 'cpu-clock', '-F', '5000', '-o', data,
                                 '-p', str(server.process.pid)])
        before = server.cpu_ns()
        rig.load(server, requests=TURNS, connections=64)
        each = (server.cpu_ns() - before) / 1000 / TURNS
        perf.send_signal(2)
        perf.wait()
        script = subprocess.run(['perf', 'script', '-i', data, '-F', 'ip,sym,dso'],
                                capture_output=True, text=True, check=False).stdout
    for line in script.splitlines():
        match = re.match(r'\s*[0-9a-f]+ (.+?) \((\S+)\)$', line)
        if match:
            symbol, dso = match.groups()
            places[place(dso, symbol, where)] += 1
            symbols[f'{symbol} ({os.path.basename(dso)})'] += 1
    total = sum(places.values())
    if not total:
        sys.exit('perf saw nothing')
    print(f'{"a pass-through turn":<28} {each:6.2f} us')
    for name, count in places.most_common():
        if count / total >= 0.003:
            print(f'  {name:<26} {each * count / total:6.2f} us  {count / total:6.1%}')
    for name, count in symbols.most_common(options.symbols):
        print(f'    {count / total:6.1%}  {name}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
