#!/usr/bin/env python3
"""Does what sdk/README.md tells a stranger to do: readme.py BUILD SDK

Installs BUILD into an empty prefix, writes the files that the README names, and runs its shell blocks in order,
there and with nothing else (blocks.py)."""
import os
import sys

from blocks import Failed, Installed, blocks_of, text_of


def main():
    build, sdk = map(os.path.abspath, sys.argv[1:3])
    text = text_of(os.path.join(sdk, 'README.md'))
    with Installed(build) as installed:
        work = os.path.join(installed.folder.name, 'work')
        commands, compared = installed.follow(text, work)
        for path in ('shout.so', 'build/shout.so'):
            symbols = installed.exports(os.path.join(work, path))
            if symbols != ['patchbay_plugin']:
                raise Failed(f'{path} exports {symbols}')
    template = os.path.join(sdk, 'template', 'shout', 'shout.c')
    if text_of(template) != {name: content for _, name, content in blocks_of(text)}['shout.c']:
        raise Failed('the template and the README differ')
    print(f'{commands} commands ran, {compared} printed what the README says')
    return 0 if commands >= 4 and compared else 1


if __name__ == '__main__':
    try:
        sys.exit(main())
    except Failed as failure:
        sys.exit(f'not ok: {failure}')
