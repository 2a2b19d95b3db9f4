#!/usr/bin/env python3
"""Shows that abi_layout.py sees what it must see: abi_layout_test.py SDK

Each case changes one thing in a copy of the headers, whose record is right, and names a part of what
the check must say."""
import os
import shutil
import subprocess
import sys
import tempfile

CHECK = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'abi_layout.py')
USAGE = '    int64_t input_tokens;\n    int64_t output_tokens;\n'
CASES = [
    ('two members change places', 'turn.h', USAGE,
     '    int64_t output_tokens;\n    int64_t input_tokens;\n', '"member": "input_tokens"'),
    ('a member is put in the middle', 'turn.h', USAGE, '    int64_t extra;\n' + USAGE, '"extra"'),
    ('a member is removed', 'source.h', '    pb_str digest; ', '    // ', 'now gone'),
    ('a member has another type', 'turn.h', USAGE,
     '    double input_tokens;\n    int64_t output_tokens;\n', '"type": "double"'),
    ('a value changes', 'turn.h', 'PB_ROLE_USER = 1', 'PB_ROLE_USER = 9', '"PB_ROLE_USER"'),
    ('a status is renumbered', 'types.h', 'X(CONFLICT, 6,', 'X(CONFLICT, 66,', '"PB_CONFLICT"'),
    ('a function gets another argument', 'stage.h', '(void *self, pb_turn *turn, const pb_next *next);',
     '(void *self, pb_turn *turn, const pb_next *next, int x);', 'int)'),
    ('a host function is put in front', 'host_api.h', '    X(1, void *, alloc, (size_t size))',
     '    X(1, void, first, (void)) X(1, void *, alloc, (size_t size))', '"member": "alloc"'),
    ('a struct is not recorded', 'tool.h', '/* What list() fills',
     'struct pb_new { uint32_t size; uint32_t reserved; };\n/* What list() fills', '"pb_new"'),
    ('a struct of draft changes', 'draft/notifier.h', 'int32_t urgency;', 'uint32_t urgency;',
     'draft.json'),
    ('a struct has padding', 'tool.h', '/* What list() fills',
     'struct pb_new { uint32_t size; void *p; };\n/* What list() fills',
     '4 bytes of padding before p'),
    ('a struct does not say its size', 'tool.h', '/* What list() fills',
     'struct pb_new { void *p; };\n/* What list() fills', 'does not begin with uint32_t size'),
    ('a struct has a bitfield', 'tool.h', '/* What list() fills',
     'struct pb_new { uint32_t size; uint32_t bit : 1; };\n/* What list() fills',
     'bitfield'),
    ('a struct has no name', 'tool.h', '/* What list() fills',
     'typedef struct { uint32_t size; } pb_new;\n/* What list() fills', 'no name'),
]


def check(sdk, *arguments):
    done = subprocess.run([sys.executable, CHECK, sdk, *arguments], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        sdk = os.path.join(folder, 'sdk')
        shutil.copytree(os.path.join(sys.argv[1], 'include'), os.path.join(sdk, 'include'))
        os.mkdir(os.path.join(sdk, 'abi'))
        empty = check(sdk)[0]
        check(sdk, '--record')
        if empty == 0 or check(sdk)[0] != 0:
            print('not ok: an empty record fails, a new one passes')
            failed += 1
        for name, header, old, new, said in CASES:
            path = os.path.join(sdk, 'include', 'patchbay', header)
            with open(path, encoding='utf-8') as file:
                text = file.read()
            if text.count(old) != 1:
                print(f'not ok {name}: the header does not have the text that is changed')
                failed += 1
                continue
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text.replace(old, new))
            code, output = check(sdk)
            if code == 0 or said not in output:
                print(f'not ok {name}: exit {code}\n{output}')
                failed += 1
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
    print(f'{len(CASES) + 1 - failed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
