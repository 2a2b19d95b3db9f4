#!/usr/bin/env python3
"""The regression gate: instructions per turn, counted by callgrind, against the recorded figures.

    instructions.py --build build/release [--record]

Times differ from machine to machine, instructions hardly. A figure may differ by 5 % from
instructions.json; one that got better by more is recorded anew with --record, one that got worse is
explained in the commit that records it.
"""
import argparse
import json
import os
import re
import sys

import durable
import rig as rigs

HERE = os.path.dirname(os.path.abspath(__file__))
RECORD = os.path.join(HERE, 'instructions.json')
TOLERANCE = 0.05
FEW, MANY = 100, 600
SCENES = {'pass-through turn': {}, 'burst stream of 66 events': {'stream': True},
          'kept turn': {'model': 'full'}}
# Choices that the libraries would make by the processor's abilities are fixed.
FIXED = {'SIMDJSON_FORCE_IMPLEMENTATION': 'westmere',
         'GLIBC_TUNABLES': 'glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-ERMS,-FSRM,-AVX_Usable',
         'OPENSSL_ia32cap': '~0x200000200000000:~0x20'}


def count(build, requests, options):
    """Instructions of a server with one worker that serves so many turns, from start to end."""
    with rigs.Rig(build) as rig:
        kept = 'model' in options
        server = rig.patchbay(rig.mock(), config='bench-full' if kept else None, wrap=(
            'valgrind', '--tool=callgrind', '--trace-children=yes',
            '--callgrind-out-file=/dev/null'))
        if kept:
            options = dict(options, conversations=durable.converse(rig, server, count=1, turns=12))
        told = rig.load(server, requests=requests, connections=1, **options)
        if told['answered'] != requests:
            raise RuntimeError(f'{told["answered"]} of {requests} turns were answered')
        rig.stop(server.process)
        with open(f'{rig.folder}/patchbay-{server.port}.log', encoding='utf-8') as file:
            said = file.read()
    found = re.findall(r'Collected : (\d+)', said)
    if not found:
        raise RuntimeError(f'callgrind did not tell: {said[-500:]}')
    return sum(int(figure) for figure in found)  # of the supervisor, its check, and the worker


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', required=True)
    parser.add_argument('--record', action='store_true')
    options = parser.parse_args()
    os.environ.update(FIXED)
    recorded = {}
    if os.path.exists(RECORD):
        with open(RECORD, encoding='ascii') as file:
            recorded = json.load(file)
    failed = 0
    for name, scene in SCENES.items():
        figure = (count(options.build, MANY, scene) - count(options.build, FEW, scene)) / (MANY - FEW)
        before = recorded.get(name)
        change = figure / before - 1 if before else 0
        good = bool(before) and abs(change) <= TOLERANCE
        failed += not good
        print(f'{"ok" if good else "not ok"} {name}: {figure:.0f} instructions, recorded '
              f'{before or "nothing"}, {change:+.1%}', flush=True)
        recorded[name] = round(figure) if options.record else before
    if options.record:
        with open(RECORD, 'w', encoding='ascii') as file:
            json.dump(recorded, file, indent=2)
            file.write('\n')
        return 0
    print(f'{len(SCENES) - failed} passed, {failed} failed, 0 skipped')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
