#!/usr/bin/env python3
"""Compares the layout of every public struct with what sdk/abi/ recorded.

    abi_layout.py SDK            fails when a recorded line changed or something is not recorded
    abi_layout.py SDK --record   writes the record anew; says which recorded lines it changed

Structs and enums are found in the preprocessed headers, so none can be forgotten; offsets, sizes and
values come from a program that the C compiler makes of them. stable.json holds what headers outside
draft/ say. One line is one fact, so that a diff reads by itself. LP64 only.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

# Structs that need not begin with `uint32_t size`, and why.
FROZEN = {'pb_str', 'pb_bytes', 'pb_value'}                   # for ever
BY_VALUE = {'pb_list', 'pb_map', 'pb_secret'}        # members of option structs
TABLE = {'pb_host', 'pb_plugin'}                     # size stands where abi_major finds it
PLAIN = {'pb_header', 'pb_header_help', 'pb_json', 'pb_buf'}           # many small ones, their shape is kept
LOCAL = {'pb_block_writer', 'pb_bw_block', 'pb_media_magic', 'pb_media_name', 'pb_word',
         'pb_question_words', 'pb_json_writer', 'pb_sse', 'pb_sse_event', 'pb_reply', 'pb_reply_text',
         'pb_reply_call', 'pb_watch', 'pb_filter_reading', 'pb_multipart_part', 'pb_multipart',
         'pb_digest', 'pb_upstream', 'pb_upstream_timeouts',
         'pb_lock_waiter', 'pb_lock', 'pb_wav',
         'pb_first_token'}                           # of inline functions, on one side only
UNSIZED = FROZEN | BY_VALUE | TABLE | PLAIN | LOCAL


def split(text, separator):
    """At the separators outside all brackets."""
    parts, depth, begin = [], 0, 0
    for at, char in enumerate(text):
        depth += (char in '({[') - (char in ')}]')
        if char == separator and depth == 0:
            parts.append(text[begin:at])
            begin = at + 1
    return [part.strip() for part in parts + [text[begin:]] if part.strip()]


def closing(text, at):
    """The place behind the bracket that closes the one at `at`."""
    depth = 0
    for end in range(at, len(text)):
        depth += (text[end] in '({[') - (text[end] in ')}]')
        if depth == 0:
            return end + 1
    raise ValueError('unbalanced: ' + text[at:at + 40])


def tidy(text):
    text = re.sub(r'\s+', ' ', text).strip()
    return re.sub(r'\s*([*,()\[\]])\s*', r'\1', text).replace('*', ' *').replace('* *', '**')


def declarator(text):
    """A declaration without initialiser as (name or None, type)."""
    function = re.search(r'\(\s*\*\s*(\w*)\s*(\[\w*\])?\)\s*\(', text)
    if function:
        end = closing(text, function.end() - 1)
        given = split(text[function.end():end - 1], ',')
        params = ', '.join(declarator(param)[1] for param in given)
        returned = tidy(text[:function.start()])
        return function.group(1) or None, f'{returned} (*{function.group(2) or ""})({params})'
    array = re.search(r'\s*(\[[^\]]*\])\s*$', text)
    suffix = array.group(1) if array else ''
    text = text[:array.start()] if array else text
    words = [word for word in re.findall(r'\w+', text) if word not in ('const', 'struct')]
    last = re.search(r'(\w+)\s*$', text)
    name = last.group(1) if last and len(words) > 1 else None
    return name, tidy(text[:last.start()] if name else text) + suffix


def members(body):
    """(name, type) of each member; `int *a, b` is two."""
    for declaration in split(body, ';'):
        if ':' in declaration or declaration.startswith('enum'):
            sys.exit(f'{tidy(declaration)}: a bitfield or an enum has no fixed place in the ABI')
        first, *more = split(declaration, ',')
        name, kind = declarator(first)
        yield name, kind
        base = re.sub(r'[*\s]+$', '', kind)
        for extra in more:
            stars, extra = re.match(r'([*\s]*)(.*)', extra).groups()
            yield extra, tidy(f'{base} {stars}')


def headers_of(include):
    return sorted(os.path.relpath(os.path.join(at, name), include)
                  for at, _, names in os.walk(include) for name in names if name.endswith('.h'))


def preprocess(compiler, include):
    """[(is draft, text)] of the public headers, in the order of the preprocessor."""
    source = ''.join(f'#include <{header}>\n' for header in headers_of(include))
    done = subprocess.run([compiler, '-std=c11', '-E', '-I', include, '-'], input=source, text=True,
                          stdout=subprocess.PIPE, check=True)
    parts, own = {False: [], True: []}, None
    for line in done.stdout.splitlines():
        mark = re.match(r'# \d+ "(.*?)"', line)
        if mark:
            path = os.path.relpath(mark.group(1), include)
            own = None if path.startswith('..') or '<' in path else path.startswith(
                os.path.join('patchbay', 'draft'))
        elif own is not None:
            parts[own].append(line)
    return {draft: '\n'.join(lines) for draft, lines in parts.items()}


def find(text):
    """The structs as {name: [(member, type)]} and the enumerators of a header's text."""
    structs, constants = {}, []
    for match in re.finditer(r'\bstruct\s+(pb_\w+)\s*\{', text):
        body = text[match.end():closing(text, match.end() - 1) - 1]
        if '{' in body:
            sys.exit(f'{match.group(1)}: nested structs and unions have no place in the ABI')
        structs[match.group(1)] = list(members(body))
    if re.search(r'\b(struct|union)\s*\{', text) or re.search(r'\bunion\s+pb_\w+\s*\{', text):
        sys.exit('a public struct has no name, or is a union')
    for match in re.finditer(r'\benum\s*(?:\w+\s*)?\{', text):
        body = text[match.end():closing(text, match.end() - 1) - 1]
        names = [re.match(r'\w+', entry).group(0) for entry in split(body, ',')]
        constants += [name for name in names if name.startswith('PB_')]
    return structs, constants


def measure(compiler, include, structs, constants):
    """What the compiler says: one fact a line."""
    lines = [f'#include <{header}>' for header in headers_of(include)]
    lines += ['#include <stdio.h>', 'int main(void) {']
    for name, content in structs.items():
        lines.append(f'printf("{name} %zu\\n", sizeof(struct {name}));')
        for member, _ in content:
            lines.append(f'printf("{name}.{member} %zu %zu\\n", offsetof(struct {name}, {member}), '
                         f'sizeof(((struct {name} *)0)->{member}));')
    lines += [f'printf("{name} %lld\\n", (long long){name});' for name in constants]
    lines.append('return 0; }')
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, 'layout')
        subprocess.run([compiler, '-std=c11', '-I', include, '-xc', '-', '-o', program], text=True,
                       input='\n'.join(lines) + '\nconst pb_host *pb_host_table;\n', check=True)
        output = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {line.split()[0]: [int(figure) for figure in line.split()[1:]]
            for line in output.splitlines()}


def facts(structs, constants, figures):
    """{key: one line of JSON}"""
    lines = {}
    for name, content in structs.items():
        lines[name] = json.dumps({'struct': name, 'size': figures[name][0]})
        for member, kind in content:
            offset, size = figures[f'{name}.{member}']
            lines[f'{name}.{member}'] = json.dumps(
                {'struct': name, 'member': member, 'offset': offset, 'size': size, 'type': kind})
    for name in constants:
        lines[name] = json.dumps({'constant': name, 'value': figures[name][0]})
    return lines


def faults_of(structs, figures):
    """Rules that hold for every public struct."""
    for name, content in structs.items():
        first, kind = content[0]
        if name not in UNSIZED and (first, kind) != ('size', 'uint32_t'):
            yield f'{name} does not begin with uint32_t size'
        end = 0
        for member, kind in content:
            offset, size = figures[f'{name}.{member}']
            if offset != end and name not in PLAIN | LOCAL:
                yield f'{name}: {offset - end} bytes of padding before {member}'
            end = offset + size
        if figures[name][0] != end and name not in PLAIN | LOCAL:
            yield f'{name}: {figures[name][0] - end} bytes of padding at the end'


def recorded(path):
    if not os.path.exists(path):
        return {}
    with open(path, encoding='utf-8') as file:
        content = [(json.loads(line.rstrip().rstrip(',')), line.rstrip().rstrip(','))
                   for line in file if line.startswith('{')]
    return {f"{fact['struct']}.{fact['member']}" if 'member' in fact
            else fact.get('struct') or fact['constant']: line for fact, line in content}


def compare(path, lines, record):
    """Prints what differs; True when nothing does, or when it was recorded."""
    before = recorded(path)
    name = os.path.basename(path)
    changed = [key for key in before if before[key] != lines.get(key)]
    added = [key for key in lines if key not in before]
    for key in changed:
        print(f'{name}: recorded {before[key]}\n{" " * len(name)}       now {lines.get(key, "gone")}')
    for key in added:
        print(f'{name}: not recorded: {lines[key]}')
    if record:
        with open(path, 'w', encoding='utf-8') as file:
            file.write('[\n' + ',\n'.join(lines.values()) + '\n]\n')
        print(f'{name}: {len(lines)} lines, {len(changed)} changed, {len(added)} new')
        return True
    return not changed and not added


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('sdk')
    parser.add_argument('--record', action='store_true')
    parser.add_argument('--cc', default='cc')
    options = parser.parse_args()
    include = os.path.join(options.sdk, 'include')
    good, checked = True, 0
    for draft, text in preprocess(options.cc, include).items():
        structs, constants = find(text)
        figures = measure(options.cc, include, structs, constants)
        for fault in faults_of(structs, figures):
            print(fault)
            good = False
        lines = facts(structs, constants, figures)
        path = os.path.join(options.sdk, 'abi', 'draft.json' if draft else 'stable.json')
        good = compare(path, lines, options.record) and good
        checked += len(lines)
    if not good:
        print('On purpose? Record it with --record, and say in CHANGELOG.md what changed and why.')
    print(f'{checked} facts, {"all as recorded" if good else "not as recorded"}')
    return 0 if good and checked else 1


if __name__ == '__main__':
    sys.exit(main())
