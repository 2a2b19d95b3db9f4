"""plugins/*/README.md: the tables of options say what the plugins' own tables say, and the examples are
good configurations."""
import json
import os
import re
import shutil
import tempfile
import unittest

from harness import server

PLUGINS = os.path.join(server.ROOT, 'plugins')
QUICKSTART = os.path.join('config', 'quickstart.yaml')


def plugins():
    names = [name for name in sorted(os.listdir(PLUGINS))
             if os.path.isdir(os.path.join(PLUGINS, name))]
    if 'sqlite' not in names:
        raise AssertionError(f'these are not all: {names}')
    return names


def readme(name):
    with open(os.path.join(PLUGINS, name, 'README.md'), encoding='utf-8') as file:
        return file.read()


def plain(default):
    """A default as the README and the schema both write it; what is not given is 0."""
    if default is None or default is False:
        return '0'
    if default is True:
        return 'true'
    text = ', '.join(default) if isinstance(default, list) else str(default)
    return re.sub(r'^(false|0s|)$', '0', text.strip('`[]'))


def options_of(schema, prefix=''):
    """(path, schema) of each option, those within maps and lists of maps too."""
    for name, field in schema.get('properties', {}).items():
        yield prefix + name, field
        inner = field if 'properties' in field else field.get('items', {})
        yield from options_of(inner, f'{prefix}{name}.')


def rows_of(text):
    """(names, cells) of each row of the tables that begin with `option`; `.name` goes on where the
    name before it began."""
    for header, body in re.findall(r'^\| option[^|]*\|(.*)\n\|[-| ]+\n((?:\|.*\n)+)', text, re.M):
        titles = [cell.strip() for cell in header.split('|')]
        for line in body.splitlines():
            first, *cells = [cell.strip() for cell in re.split(r'(?<!\\)\|', line)[1:]]
            names = []
            for name in re.findall(r'`([^`]+)`', first.replace('[]', '')):
                names.append(names[-1].rsplit('.', 1)[0] + name if name[0] == '.' else name)
            yield names, dict(zip(titles, cells))


class Readmes(unittest.TestCase):
    def inspect(self, name):
        done = server.run('inspect', name, '-c', QUICKSTART, '--json')
        self.assertEqual(done.returncode, 0, done)
        return json.loads(done.stdout)

    def compare(self, name):
        text = readme(name)
        rows = list(rows_of(text))
        told = {}
        for component in self.inspect(name)['components']:
            for path, field in options_of(component.get('schema', {})):
                told.setdefault(path, []).append(field)
        # What is within a map may stand in a table of its own, or in prose.
        written = {option for names, _ in rows for option in names}
        prose = set(re.findall(r'[`{., ]([a-z_]+)[`:]', text))
        for path, fields in told.items():
            group = any('properties' in field or 'items' in field and
                        'properties' in field['items'] for field in fields)
            if not group:
                self.assertTrue(path in written or ('.' in path and path.rsplit('.', 1)[1] in prose),
                                f'{name}: the option {path} is in no table')
        for names, cells in rows:
            values = re.split(r'(?<=`), ', cells.get('default', ''))
            for at, option in enumerate(names):
                fields = [field for path, found in told.items() for field in found
                          if path == option or path.endswith('.' + option)]
                self.assertTrue(fields, f'{name}: {option} is no option')
                value = values[at if len(values) == len(names) else 0]
                defaults = [plain(field.get('default')) for field in fields]
                # Words say what an option without a default does.
                quoted = value[:1] == '`' or value[:1].isdigit()
                self.assertIn(plain(value) if quoted else '0', defaults, f'{name}: {option}')

    def test_options(self):
        for name in plugins():
            with self.subTest(name):
                self.compare(name)

    def test_examples(self):
        with tempfile.TemporaryDirectory(prefix='patchbay-readmes-') as folder:
            shutil.copytree(os.path.join(server.ROOT, 'config', 'prompts'),
                            os.path.join(folder, 'prompts'))
            path = os.path.join(folder, 'example.yaml')
            for name in plugins():
                blocks = re.findall(r'^```yaml\n(.*?)^```$', readme(name), re.M | re.S)
                self.assertTrue(blocks, f'{name}: there is no example')
                for block in blocks:
                    with self.subTest(name):
                        self.check(path, block)

    def check(self, path, block):
        """Good, but for pipelines and auth that a transport's example leaves to the reader."""
        with open(path, 'w', encoding='utf-8') as file:
            file.write(block)
        done = server.run('check', '-c', path, '--json', env={'OPENAI_API_KEY': 'sk-x'})
        for problem in json.loads(done.stdout):
            self.assertRegex(problem['sentence'], r"^(there is no (pipeline|auth)|no plugin offers the speech) '", block)


if __name__ == '__main__':
    unittest.main()
