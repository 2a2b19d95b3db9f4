#!/usr/bin/env python3
"""Every option has a test that notices it: options.py PATCHBAY [--prove FOLDER] [--only PLUGIN]

One file a plugin (PLUGIN.txt, host.txt for the sections `host` and `plugins`) says for each option of its components
which test changes it and expects something else of the program than without. A test is FILE:NAME; a FILE without a
folder is one of the plugin's own tests, any other is below tests/. What is read here:

    llm openai                          a component; the options below are its own
      timeouts.answer   test_openai.c:silence

An option without a line is an error, and so is a line without its option or its test. The test's file, or one that
it reads (a header, a configuration beside it), must write the option's name as a key.

--prove runs the tests in C from the folder of a build, once for each option, with the option taken out of what they
configure (ignore.c), and expects them to fail.
"""
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def leaves(schema, path=()):
    """The paths of all options that hold no others, through lists and maps."""
    inner = [part for part in (schema, schema.get('items'), schema.get('additionalProperties'))
             if isinstance(part, dict) and 'properties' in part]
    if not inner:
        return ['.'.join(path)]
    return [leaf for part in inner for name, value in part['properties'].items()
            for leaf in leaves(value, path + (name,))]


def components(program):
    """(plugin, kind, component) → (its options, the names of the outermost ones)."""
    def ask(*words):
        return json.loads(subprocess.run([program, *words], stdout=subprocess.PIPE, text=True, check=True,
                                         timeout=120).stdout)
    found = {}
    for plugin in ask('inspect', '-c', 'none', '--json'):
        for part in plugin.get('components', []):
            schema = part['schema']
            names = list(schema.get('properties', {}))
            found[plugin['name'], part['kind'], part['name']] = (leaves(schema) if names else [], names)
    whole = ask('schema', '-c', 'none')['properties']
    for section in ('host', 'plugins'):
        names = list(whole[section]['properties'])
        found['host', 'section', section] = (leaves(whole[section]), names)
    return found


def read_lines(path):
    if not os.path.exists(path):
        return
    with open(path, encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            if line.strip() and not line.startswith('#'):
                yield f'{os.path.relpath(path, ROOT)}:{number}', line.rstrip('\n')


def read_table(plugin, problems):
    """(kind, component, option) → (place, FILE, NAME)."""
    table, part = {}, None
    for place, line in read_lines(os.path.join(HERE, f'{plugin}.txt')):
        words = line.split()
        if len(words) != 2 or (line[0] == ' ' and (not part or ':' not in words[1])):
            problems.append(f"{place}: neither 'KIND COMPONENT' nor '  OPTION FILE:TEST'")
        elif line[0] != ' ':
            part = tuple(words)
        elif (*part, words[0]) in table:
            problems.append(f'{place}: {words[0]} has a line already')
        else:
            table[(*part, words[0])] = (place, *words[1].rsplit(':', 1))
    return table


def path_of(plugin, file):
    return os.path.join(ROOT, 'tests', file) if '/' in file else os.path.join(ROOT, 'plugins', plugin, 'tests', file)


def text_with_what_it_reads(path):
    """The test's file and what it names: headers, configurations."""
    with open(path, encoding='utf-8') as file:
        text = file.read()
    for name in set(re.findall(r'[\w-]+\.(?:h|yaml)\b', text)):
        beside = os.path.join(os.path.dirname(path), name)
        if os.path.exists(beside):
            with open(beside, encoding='utf-8') as file:
                text += file.read()
    return text


def check_test(plugin, option, file, name):
    """What is wrong with this entry, or None."""
    path = path_of(plugin, file)
    if not os.path.exists(path):
        return f'there is no {os.path.relpath(path, ROOT)}'
    with open(path, encoding='utf-8') as source:
        own = source.read()
    if not re.search(rf'^\s*(\w*TEST\({name}\)|def {name}\()', own, re.M):
        return f'{file} has no test {name}'
    key = re.escape(option.rsplit('.', 1)[-1])
    if not re.search(rf'(?<![\w-]){key}\W{{0,3}}[:=]|(?<![\w-]){key}: ', text_with_what_it_reads(path)):
        return f"{file} does not configure '{key}'"
    return None


def check(program, only=None):
    """All problems, and the entries that are right: (plugin, kind, component, option, names, FILE, NAME)."""
    problems, entries = [], []
    there = components(program)
    tables = {plugin: read_table(plugin, problems) for plugin in {key[0] for key in there}}
    for (plugin, kind, component), (options, names) in there.items():
        if only and plugin != only:
            continue
        for option in options:
            entry = tables[plugin].pop((kind, component, option), None)
            if entry:
                wrong = check_test(plugin, option, *entry[1:])
                if wrong:
                    problems.append(f'{entry[0]}: {wrong}')
                else:
                    entries.append((plugin, kind, component, option, names, *entry[1:]))
            else:
                problems.append(f'{plugin}.txt: {kind} {component}: no test says what {option} changes')
    if not only:
        problems += [f'{entry[0]}: there is no option {key[2]} of {key[0]} {key[1]}'
                     for table in tables.values() for key, entry in table.items()]
    return problems, entries


def prove(build, entries):
    """Runs each test in C without its option; those that do not notice."""
    def one(entry):
        plugin, kind, component, option, names, file, name = entry
        program = os.path.join(build, 'tests', 'plugins', f'plugin_{plugin}_{os.path.splitext(file)[0]}')
        environment = dict(os.environ, PATCHBAY_IGNORE=f'{option} {",".join(names)}', PATCHBAY_TEST=name,
                           CK_TIMEOUT_MULTIPLIER='0.3')
        said = subprocess.run([program], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors='replace', check=False).stdout
        if re.search(rf'^\S+:-?\d+:[FES]:[^:]*:{name}:', said, re.M):
            return None
        return f'{plugin}: {file}:{name} does not notice that {option} of {kind} {component} is gone'
    # What must be given cannot be left out: the test would fail for that.
    own = [entry for entry in entries if '/' not in entry[5]]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [problem for problem in pool.map(one, own) if problem]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('program')
    parser.add_argument('--prove', metavar='FOLDER')
    parser.add_argument('--only', metavar='PLUGIN')
    options = parser.parse_args()
    problems, entries = check(options.program, options.only)
    if options.prove and not problems:
        problems = prove(options.prove, entries)
    for problem in problems:
        print('not ok', problem)
    print(f'{len(entries)} passed, {len(problems)} failed, 0 skipped')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
