#!/usr/bin/env python3
"""Checks the sources against the plan of the house: layers.py ROOT | --self-test

Each layer of host/ includes only those it may know, the SDK includes nothing of the host, a plugin
includes the SDK and its own folder only (its tests the testkit too), and no source file is longer than 500 lines.
"""
import os
import re
import sys
import tempfile

KNOWS = {
    'base': [],
    'runtime': ['base'],
    'cluster': ['base', 'runtime'],
    'net': ['base', 'runtime', 'cluster'],
    'config': ['base'],
    'plugin': ['base', 'runtime', 'cluster', 'net', 'config'],
    'turn': ['base', 'runtime', 'cluster', 'net', 'config', 'plugin'],
    'app': ['base', 'runtime', 'net', 'config', 'plugin', 'turn', 'cluster'],
}
CEILING = 500
TESTKIT = ('testkit.h', 'canned.h', 'suite.h', 'suite_plans.h', 'expect.h', 'interface_suite.h',
           'interface_case.h', 'vector_store_kit.h', 'upstream_kit.h', 'extracted.h', 'shelf.h')
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


def sources(root, folder):
    for at, folders, files in os.walk(os.path.join(root, folder)):
        folders[:] = [name for name in folders if name not in ('build', 'node_modules')]
        for name in sorted(files):
            if name.endswith(('.c', '.h', '.cc', '.cpp')):
                path = os.path.join(at, name)
                with open(path, encoding='utf-8') as file:
                    yield os.path.relpath(path, root), file.read()


def judge_host(root, path, text):
    """Problems of one file of host/."""
    layer = path.split(os.sep)[1]
    if layer not in KNOWS:
        yield f'{path}: no layer is called {layer}'
        return
    for quote, name in INCLUDE.findall(text):
        if quote == '<' and not name.startswith('patchbay/'):
            continue
        other = name.split('/')[0] if '/' in name else layer
        if other in ('patchbay', layer) or other in KNOWS[layer]:
            continue
        yield f'{path}: {layer} includes "{name}"; it may know {", ".join(KNOWS[layer]) or "nothing"}'


def judge_plugin(root, path, text):
    """Problems of one file of plugins/: everything in quotes must lie in the plugin's own folder."""
    own = os.sep.join(path.split(os.sep)[:2])
    for quote, name in INCLUDE.findall(text):
        if quote == '<':
            continue
        at = os.path.normpath(os.path.join(os.path.dirname(path), name))
        inside = at.startswith(own + os.sep) and os.path.exists(os.path.join(root, at))
        beside = os.path.exists(os.path.join(root, own, name))
        testkit = name in TESTKIT and path.startswith(os.path.join(own, 'tests'))
        if not inside and not beside and not testkit:
            yield f'{path}: includes "{name}", which is not in {own}'


def judge_sdk(root, path, text):
    """Problems of one public header: the SDK includes itself and the C library."""
    for quote, name in INCLUDE.findall(text):
        if quote == '"' or name.split('/')[0] in KNOWS:
            yield f'{path}: includes "{name}"; public headers include <patchbay/…> only'


def judge(root):
    rules = (('host', judge_host), ('plugins', judge_plugin), ('plugins-contrib', judge_plugin),
             ('sdk/include', judge_sdk))
    for folder, rule in rules:
        for path, text in sources(root, folder):
            yield from rule(root, path, text)
    for folder in ('host', 'plugins', 'plugins-contrib', 'sdk', 'tests'):
        for path, text in sources(root, folder):
            count = text.count('\n')
            if count > CEILING:
                yield f'{path}: {count} lines; the ceiling is {CEILING}'


def self_test():
    """A tree with one file of each kind of mistake must give exactly these problems."""
    bad = {
        'host/base/a.c': '#include "base/a.h"\n#include "net/url.h"\n#include <stdio.h>\n',
        'host/config/b.c': '#include "runtime/task.h"\n',
        'host/attic/c.c': '',
        'plugins/x/x.c': '#include <patchbay/stage.h>\n#include "x.h"\n#include "base/a.h"\n',
        'plugins/x/x.h': '',
        'sdk/include/patchbay/d.h': '#include "base/a.h"\n#include <patchbay/types.h>\n',
        'tests/long.c': '\n' * (CEILING + 1),
    }
    with tempfile.TemporaryDirectory() as root:
        for path, text in bad.items():
            path = os.path.join(root, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
        found = [problem.split(':')[0] for problem in judge(root)]
    expected = ['host/attic/c.c', 'host/base/a.c', 'host/config/b.c', 'plugins/x/x.c',
                'sdk/include/patchbay/d.h', 'tests/long.c']
    if sorted(found) != expected:
        sys.exit(f'expected problems in {expected}, found {found}')


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == '--self-test':
        return self_test()
    problems = list(judge(sys.argv[1]))
    print('\n'.join(problems) or 'every include is where it may be')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
