"""The reference that the program writes: config/full.yaml and `patchbay docs` are complete, and made
from the plugins that are here."""
import json
import os
import re
import tempfile
import unittest

from harness import server
from test_readmes import plugins

FULL = os.path.join(server.ROOT, 'config', 'full.yaml')
HEADERS = os.path.join(server.ROOT, 'sdk', 'include', 'patchbay')
NO_CONFIG = ('-c', os.path.join(server.ROOT, 'tests', 'no-such.yaml'))


def read(*path):
    with open(os.path.join(*path), encoding='utf-8') as file:
        return file.read()


def fields(schema, prefix=''):
    """(path, schema) of each option, with [] and .* for lists and maps of maps."""
    for name, field in schema.get('properties', {}).items():
        yield prefix + name, field
        yield from fields(field, f'{prefix}{name}.')
        if isinstance(field.get('items'), dict):
            yield from fields(field['items'], f'{prefix}{name}[].')
        if isinstance(field.get('additionalProperties'), dict):
            yield from fields(field['additionalProperties'], f'{prefix}{name}.*.')


class Reference(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.all = [row for row in json.loads(server.run('inspect', '--json', *NO_CONFIG).stdout)
                   if row['name'] in plugins()]
        cls.folder = tempfile.TemporaryDirectory(prefix='patchbay-reference-')
        cls.full = server.run('docs', '--full-yaml', *NO_CONFIG).stdout

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def options(self):
        count = 0
        for plugin in self.all:
            for component in plugin['components']:
                for path, schema in fields(component['schema']):
                    count += 1
                    yield plugin, component, path, schema
        self.assertGreater(count, 200)

    def check(self, text):
        path = os.path.join(self.folder.name, 'full.yaml')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        done = server.run('check', '-c', path)
        return done.returncode, done.stdout + done.stderr

    # --- config/full.yaml ---

    def test_full_is_what_the_generator_writes(self):
        self.assertEqual(read(FULL), self.full,
                         'make it again: patchbay docs --full-yaml -c none > config/full.yaml')

    def test_full_is_a_good_configuration(self):
        done = server.run('check', '-c', FULL)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_full_has_every_option_with_its_help(self):
        blocks = re.split(r'^ +# .* \(plugin ', self.full, flags=re.M)[1:]
        self.assertEqual(len(blocks), sum(len(plugin['components']) for plugin in self.all))
        for plugin, component, path, schema in self.options():
            first = f"#- {component['name']}:" if component['kind'] == 'stage' \
                else f"#use: {component['name']}\n"
            of_it = [block for block in blocks
                     if block.startswith(plugin['name'] + ')') and first in block]
            name = re.escape(re.split(r'[.]', path)[-1])
            self.assertTrue([block for block in of_it if re.search(rf'(?m)^ +#{name}:', block)
                             and f"# {schema['description']}\n" in block], (plugin['name'], path))

    def test_full_counts_without_its_marks(self):
        """All options at once: each is known and each default is good; what is missing is only what
        nobody but the operator can know."""
        text = re.sub(r'(?m)^( *)#(?=[^ #\n])', r'\1', self.full)
        code, said = self.check(text)
        self.assertNotEqual(code, 0)
        problems = [line for line in said.splitlines() if re.match(r'\S+:\d+:\d+: ', line)]
        self.assertGreater(len(problems), 10, said)
        for line in problems:
            self.assertRegex(line, r'missing; expected|say which|give |name at least|holds always')

    def test_a_component_with_all_its_defaults(self):
        """Those that need nothing are good as they are shown."""
        lines = self.full.splitlines()
        begin = lines.index('databases:')
        end = next(i for i in range(begin + 1, len(lines)) if re.match(r'\w', lines[i]))
        section = '\n'.join(lines[begin:end])
        self.assertIn('#sqlite:', section)
        code, said = self.check(re.sub(r'(?m)^( *)#(?=[^ #\n])', r'\1', section))
        self.assertEqual(code, 0, said)
        code, said = self.check(re.sub(r'(?m)^( *)#(?=[^ #\n])', r'\1', section) + '\n    more: 1\n')
        self.assertNotEqual(code, 0, said)

    # --- patchbay docs ---

    def pages(self):
        out = os.path.join(self.folder.name, 'reference')
        done = server.run('docs', '--out', out, '--sdk', HEADERS, *NO_CONFIG)
        self.assertEqual(done.returncode, 0, done.stderr)
        return out

    def test_pages_of_plugins(self):
        out = self.pages()
        for plugin, component, path, schema in self.options():
            text = read(out, 'plugins', plugin['name'] + '.md')
            part = re.split(r'^## ', text, flags=re.M)
            part = next(one for one in part
                        if one.startswith(f"{component['kind']} `{component['name']}`"))
            row = next((line for line in part.splitlines() if line.startswith(f'| `{path}` |')), None)
            self.assertIsNotNone(row, (plugin['name'], path))
            self.assertIn(schema['description'].replace('|', '\\|'), row)

    def test_page_of_operations(self):
        text = read(self.pages(), 'operations.md')
        told = server.run('call', '-c', os.path.join('tests', 'e2e', 'everything.yaml'),
                          '--data-dir', os.path.join(self.folder.name, 'data'),
                          env={'UPSTREAM': 'http://127.0.0.1:9'})
        self.assertEqual(told.returncode, 0, told.stderr)
        ids = re.findall(r'^\s*([a-z_]+\.[a-z_]+) ', told.stdout, re.M)
        self.assertGreater(len(ids), 50)
        for name in ids:
            self.assertIn(f'\n### {name}\n', text)

    def test_pages_of_headers(self):
        out = self.pages()
        index = read(out, 'README.md')
        count = 0
        for folder in ('', 'draft'):
            for name in os.listdir(os.path.join(HEADERS, folder)):
                if not name.endswith('.h'):
                    continue
                page = os.path.join('sdk', folder, name[:-2] + '.md')
                source, text = read(HEADERS, folder, name), read(out, page)
                self.assertIn(source, text)
                for declared in re.findall(r'^static inline [^(]*?[ *](\w+)\(', source, re.M):
                    self.assertIn(f'<a id="{declared}"></a>', text)
                self.assertIn(f'({page})', index)
                count += 1
        self.assertGreater(count, 40)
        self.assertIn('<a id="pb_sleep"></a>', read(out, 'sdk', 'task.md'))

    def test_links_of_the_index(self):
        out = self.pages()
        links = re.findall(r'\]\(([^)]+)\)', read(out, 'README.md'))
        self.assertEqual(len(links), len(set(links)))
        for link in links:
            self.assertTrue(os.path.isfile(os.path.join(out, link)), link)
        for plugin in self.all:
            self.assertIn(f"plugins/{plugin['name']}.md", links)

    def test_no_headers(self):
        done = server.run('docs', '--out', os.path.join(self.folder.name, 'other'), '--sdk', '/nowhere',
                          *NO_CONFIG)
        self.assertEqual(done.returncode, 5)
        self.assertIn('no headers in /nowhere', done.stderr)
