#!/usr/bin/env python3
"""Does what sdk/README.md tells a stranger to do: readme.py BUILD SDK

Installs BUILD into an empty prefix, writes the files that the README names (```c shout.c), and runs its
shell blocks in order, there and with nothing else. A ```text block is what the block before it prints."""
import os
import re
import subprocess
import sys
import tempfile


def run(command, folder, environment):
    done = subprocess.run(['sh', '-euc', command], cwd=folder, env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f'not ok: {command}\n{done.stdout}{done.stderr}')
    return done.stdout


def dynamic_symbols(path, environment):
    lines = run(f'nm -D --defined-only {path}', '/', environment).splitlines()
    return [line.split()[-1] for line in lines]


def main():
    build, sdk = map(os.path.abspath, sys.argv[1:3])
    with open(os.path.join(sdk, 'README.md'), encoding='utf-8') as file:
        blocks = re.findall(r'^```(\w+) ?(\S*)\n(.*?)^```$', file.read(), re.M | re.S)
    with tempfile.TemporaryDirectory() as folder:
        prefix, work = os.path.join(folder, 'prefix'), os.path.join(folder, 'work')
        os.mkdir(work)
        environment = {
            'PATH': os.path.join(prefix, 'bin') + ':' + os.environ['PATH'], 'HOME': folder,
            'CMAKE_PREFIX_PATH': prefix, 'LC_ALL': 'C.UTF-8', 'NO_COLOR': '1'}
        run(f'cmake --install {build} --prefix {prefix}', folder, environment)
        for at, _, names in os.walk(prefix):
            if 'patchbay.pc' in names:
                environment['PKG_CONFIG_PATH'] = at
        for _, name, content in blocks:
            if name:
                with open(os.path.join(work, name), 'w', encoding='utf-8') as file:
                    file.write(content)
        said, compared, commands = '', 0, 0
        for kind, name, content in blocks:
            if kind == 'sh':
                said = run(content, work, environment)
                commands += 1
            elif kind == 'text':
                compared += 1
                if said != content:
                    sys.exit(f'not ok: printed\n{said}instead of\n{content}')
        for path in ('shout.so', 'build/shout.so'):
            symbols = dynamic_symbols(os.path.join(work, path), environment)
            if symbols != ['patchbay_plugin']:
                sys.exit(f'not ok: {path} exports {symbols}')
        template = os.path.join(sdk, 'template', 'shout', 'shout.c')
        if os.path.exists(template):
            with open(template, encoding='utf-8') as file:
                if file.read() != dict((name, text) for _, name, text in blocks)['shout.c']:
                    sys.exit('not ok: the template and the README differ')
    print(f'{commands} commands ran, {compared} printed what the README says')
    return 0 if commands >= 4 and compared else 1


if __name__ == '__main__':
    sys.exit(main())
