#!/usr/bin/env python3
"""Does what the pages of sdk/docs tell a stranger to do: documents.py BUILD SDK [KIND…]

Each page's plugin is compiled against an installed prefix and run, each in a folder of its own (blocks.py). Every
kind of the SDK has a page, and the list of pages names them all."""
import concurrent.futures
import os
import re
import sys

from blocks import Failed, Installed, blocks_of, text_of


def kinds_of(sdk):
    """The kinds that the headers declare; nothing loads a notifier."""
    kinds = set()
    for at, _, names in os.walk(os.path.join(sdk, 'include')):
        for name in names:
            kinds |= set(re.findall(r'PB_COMPONENT\(pb_\w+, "(\w+)"', text_of(os.path.join(at, name))))
    return kinds - {'notifier'}


def follow(installed, docs, kind):
    text = text_of(os.path.join(docs, f'{kind}.md'))
    sources = [name for language, name, _ in blocks_of(text) if language == 'c']
    try:
        work = os.path.join(installed.folder.name, kind)
        commands, compared = installed.follow(text, work)
        if len(sources) != 1 or not commands or not compared:
            raise Failed('a page has one plugin, a command and what that prints')
        symbols = installed.exports(os.path.join(work, sources[0][:-2] + '.so'))
        if symbols != ['patchbay_plugin']:
            raise Failed(f'it exports {symbols}')
        said = installed.run(f'patchbay inspect {sources[0][:-2]} -c {sources[0][:-2]}.yaml', work)
        if not re.search(rf'\b{kind} {sources[0][:-2]}\b', said):
            raise Failed(f'its plugin has no {kind}:\n{said}')
    except Failed as failure:
        return f'not ok: sdk/docs/{kind}.md: {failure}'
    return None


def main():
    build, sdk, *wanted = sys.argv[1:]
    build, sdk = os.path.abspath(build), os.path.abspath(sdk)
    docs = os.path.join(sdk, 'docs')
    pages = {name[:-3] for name in os.listdir(docs)} - {'README'}
    problems = []
    if pages != kinds_of(sdk):
        problems.append(f'not ok: pages and kinds differ: {sorted(pages ^ kinds_of(sdk))}')
    for page in pages:
        if f'[{page}]({page}.md)' not in text_of(os.path.join(docs, 'README.md')):
            problems.append(f'not ok: sdk/docs/README.md does not name {page}.md')
    with Installed(build) as installed:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            problems += filter(None, pool.map(lambda kind: follow(installed, docs, kind),
                                              sorted(wanted or pages)))
        if not os.path.exists(os.path.join(installed.prefix, 'share', 'patchbay', 'sdk', 'docs', 'stage.md')):
            problems.append('not ok: the pages are not installed')
    print('\n'.join(problems) or f'{len(wanted or pages)} pages were followed')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
