"""`patchbay documents`: files in, found, shown, out again; in process and on a server."""
import json
import os
import tempfile
import unittest

from harness import server
from harness.terminal import Terminal

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = os.path.join(HERE, 'documents.yaml')
WARRANTY = '# Warranty\n\nThe warranty of the machine lasts seven years.\n'


class Documents(unittest.TestCase):
    url = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='patchbay-documents-')
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.data = os.path.join(self.folder, 'data')
        self.where = ('-c', CONFIG, '--data-dir', self.data)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(text.encode() if isinstance(text, str) else text)
        return path

    def documents(self, *arguments, code=0, **options):
        done = server.run('documents', *arguments, *self.where, **options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def listed(self, *arguments):
        return json.loads(self.documents('list', '--json', *arguments).stdout)['documents']


class Verbs(Documents):
    def test_from_beginning_to_end(self):
        path = self.write('warranty.md', WARRANTY)
        done = self.documents('add', path, '--tag', 'a', '--tag', 'b', '--collection', 'manuals')
        self.assertRegex(done.stdout, r'\A✓ warranty\.md  59 B, 1 passage  [0-9a-f]{8}\n\Z')
        self.assertEqual(done.stderr, '')
        [document] = self.listed()
        self.assertEqual((document['name'], document['state'], document['collection'],
                          document['tags']), ('warranty.md', 'ready', 'manuals', ['a', 'b']))
        short = document['id'][-8:]
        # piped, nothing is shortened
        self.assertIn(document['id'], self.documents('list').stdout)
        self.assertEqual(self.listed('--state', 'failed'), [])
        for name in (short, document['id'], 'warranty.md'):
            shown = self.documents('show', name, '--json').stdout
            self.assertEqual(json.loads(shown)['id'], document['id'])
        found = self.documents('search', 'how', 'long', 'is', 'the', 'warranty?').stdout
        self.assertRegex(found, r'\A\[1\] warranty\.md › Warranty, line 3  \d\.\d\d')
        self.assertIn('    The warranty of the machine lasts seven years.\n', found)
        out = os.path.join(self.folder, 'out.md')
        self.documents('download', short, out)
        with open(out, encoding='utf-8') as file:
            self.assertEqual(file.read(), WARRANTY)
        self.assertIn('File exists', self.documents('download', short, out, code=6).stderr)
        self.assertEqual(self.documents('download', short, '-').stdout, WARRANTY)
        again = self.documents('reprocess', 'warranty.md').stdout
        self.assertIn('✓ warranty.md', again)
        self.assertIn('is there already', self.documents('add', path, '--collection', 'manuals').stdout)
        self.assertEqual(self.documents('remove', short).stdout, f'removed {short}\n')
        self.assertEqual(self.listed(), [])
        self.assertIn('no documents', self.documents('list').stdout)

    def test_folders(self):
        self.write('notes/a.md', '# A\n\nAlpha.\n')
        self.write('notes/deep/b.txt', 'Beta.\n')
        self.write('notes/.hidden', 'Gamma.\n')
        told = json.loads(self.documents('add', os.path.join(self.folder, 'notes'),
                                         '--json').stdout)
        self.assertEqual(sorted(row['name'] for row in told['documents']),
                         ['notes/a.md', 'notes/deep/b.txt'])
        self.assertEqual(told['failed'], 0)

    def test_what_fails_is_told(self):
        path = self.write('good.md', WARRANTY)
        bad = self.write('bad.bin', bytes(range(256)) * 8)
        done = self.documents('add', bad, path, '/no/such/file', code=1)
        self.assertIn('✓ good.md', done.stdout)
        self.assertRegex(done.stderr, r'patchbay: \S*bad\.bin: .')
        self.assertIn('patchbay: /no/such/file: No such file', done.stderr)
        done = self.documents('show', 'nope', code=5)
        self.assertIn("there is no document 'nope'", done.stderr)
        self.documents('add', code=2)
        self.documents('nosuch', code=2)
        self.assertIn('nope', self.documents('remove', 'nope', code=1).stderr)

    def test_names_that_are_not_unique(self):
        for text in ('One.\n', 'Two.\n'):
            self.documents('add', self.write('x/same.md' if text[0] == 'O' else 'y/same.md', text),
                           '--collection', 'manuals' if text[0] == 'O' else 'documents')
        done = self.documents('show', 'same.md', code=6)
        self.assertIn('may be 2 documents', done.stderr)

    def test_other_operations_are_verbs_too(self):
        self.documents('add', self.write('warranty.md', WARRANTY))
        told = json.loads(self.documents('chunks', self.listed()[0]['id']).stdout)
        self.assertIn('seven years', told['chunks'][0]['text'])

    def test_in_a_terminal(self):
        path = self.write('a-rather-long-name-that-does-not-fit-at-all-in-a-narrow-terminal.md',
                          WARRANTY)
        with Terminal('documents', 'add', path, *self.where, columns=60) as terminal:
            terminal.expect('✓ a-rather-long')
            self.assertEqual(terminal.end(), 0)
            self.assertIn(b'uploading', terminal.raw)
            self.assertIn('█'.encode(), terminal.raw)
        with Terminal('documents', 'list', *self.where, columns=60) as terminal:
            terminal.expect('ID ')
            terminal.expect('…')
            self.assertEqual(terminal.end(), 0)
            for line in terminal.text().splitlines():
                if 'makecontext' not in line:  # AddressSanitizer says this of coroutines
                    self.assertLessEqual(len(line), 60, line)
        with Terminal('chat', *self.where, columns=60,
                      env={'XDG_STATE_HOME': self.folder}) as terminal:
            terminal.expect('› ')
            terminal.line('How long does the warranty last?')
            terminal.expect('seven years. [1]')
            terminal.expect('  [1] a-rather-long')
            terminal.line('/sources')
            terminal.expect('│ The warranty of the machine lasts seven years.')
            terminal.line('/quit')
            self.assertEqual(terminal.end(), 0)


class OnAServer(Documents):
    def test_all_of_it(self):
        running = server.Server(CONFIG, data_dir=self.data)
        try:
            self.where = ('--url', f'http://127.0.0.1:{running.port}')
            large = self.write('large.txt', 'A line of a large file.\n' * 60000)
            done = self.documents('add', self.write('warranty.md', WARRANTY), large)
            self.assertEqual(done.stdout.count('✓'), 2, done.stdout)
            self.assertIn('warranty.md', self.documents('search', 'warranty').stdout)
            self.assertEqual(self.documents('download', 'large.txt', '-').stdout,
                             'A line of a large file.\n' * 60000)
            self.assertEqual(len(self.listed()), 2)
            self.documents('remove', 'large.txt', 'warranty.md')
            self.assertEqual(self.listed(), [])
        finally:
            self.assertEqual(running.stop(), 0)


if __name__ == '__main__':
    unittest.main()
