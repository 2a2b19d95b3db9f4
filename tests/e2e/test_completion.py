"""Shell completion, asked in the real shells; and the help of every command, noun and verb."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import server
from harness.terminal import Terminal

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = os.path.join(HERE, 'documents.yaml')


class Completion(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='patchbay-completion-')
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        for name in ('one.yaml', 'two.yaml'):
            with open(os.path.join(self.folder, name), 'w', encoding='utf-8') as file:
                file.write('{}\n')
        os.mkdir(os.path.join(self.folder, 'sub'))
        self.env = server.environment({
            'PATH': f'{server.BUILD}:{os.environ["PATH"]}', 'PATCHBAY_CONFIG': CONFIG,
            'HOME': self.folder, 'XDG_CONFIG_HOME': self.folder, 'XDG_DATA_HOME': self.folder,
            'TERM': 'dumb'})

    def shell(self, *argv):
        if not shutil.which(argv[0]):
            self.skipTest(f'{argv[0]} is not installed')
        done = subprocess.run(argv, env=self.env, cwd=self.folder, capture_output=True, text=True,
                              timeout=server.PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def bash(self, *words):
        script = ('source <(patchbay completion bash); complete -p patchbay >&2; '
                  'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _patchbay; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        return [word for word in self.shell('bash', '-c', script, 'x', 'patchbay', *words)
                .splitlines() if word]

    def fish(self, line):
        out = self.shell('fish', '--no-config', '-c',
                         f'patchbay completion fish | source; complete -C "patchbay {line}"')
        return [word.split('\t')[0] for word in out.splitlines()]

    def test_bash(self):
        self.assertEqual(self.bash('ch'), ['chat', 'check'])
        self.assertLessEqual({'serve', 'documents', 'conversations', 'collections'},
                             set(self.bash('')))
        self.assertEqual(self.bash('ask', '--pip'), ['--pipeline'])
        self.assertEqual(self.bash('ask', '--pipeline', ''), ['support', 'ingest'])
        self.assertEqual(sorted(self.bash('check', '-c', '')), ['one.yaml', 'sub', 'two.yaml'])
        self.assertEqual(self.bash('check', '-c', 'o'), ['one.yaml'])
        self.assertEqual(self.bash('serve', '--data-dir', ''), ['sub'])
        self.assertEqual(self.bash('diff', 'tw'), ['two.yaml'])
        self.assertEqual(self.bash('conversations', 'ex'), ['export'])
        self.assertIn('--format', self.bash('conversations', 'export', 'id', '--'))
        self.assertEqual(self.bash('conversations', 'export', 'id', '--format', ''),
                         ['json', 'markdown'])
        self.assertLessEqual({'add', 'search', 'chunks'}, set(self.bash('documents', '')))
        self.assertIn('--wait', self.bash('documents', 'add', '--'))
        self.assertEqual(self.bash('documents', 'add', 'on'), ['one.yaml'])
        self.assertEqual(self.bash('call', 'documents.l'), ['documents.list'])
        self.assertEqual(self.bash('plugin', ''), ['install'])
        self.assertEqual(self.bash('inspect', 'sqli'), ['sqlite'])
        self.assertEqual(self.bash('new', 'st'), ['stage'])
        self.assertEqual(self.bash('new', 'tool', 'x', '--di'), ['--dir'])
        self.assertEqual(self.bash('completion', ''), ['bash', 'zsh', 'fish'])
        # not those that the command does not take
        self.assertNotIn('--port', self.bash('ask', '--'))

    def test_bash_takes_the_configuration_that_is_meant(self):
        chat = os.path.join(HERE, 'chat.yaml')
        self.env['UPSTREAM'] = 'http://127.0.0.1:1/v1'
        self.assertEqual(self.bash('ask', '-c', chat, '--pipeline', ''), ['support', 'forgetful'])
        broken = os.path.join(HERE, 'mistakes.yaml')
        self.assertIn('serve', self.bash('ser'))
        self.env['PATCHBAY_CONFIG'] = broken
        self.assertEqual(self.bash('ser'), ['serve'])

    def test_fish(self):
        self.assertEqual(sorted(self.fish('ch')), ['chat', 'check'])
        self.assertEqual(sorted(self.fish('ask --pipeline ')), ['ingest', 'support'])
        self.assertIn('one.yaml', self.fish('check -c o'))

    def test_zsh(self):
        if not shutil.which('zsh'):
            self.skipTest('zsh is not installed')
        with open(os.path.join(self.folder, '.zshrc'), 'w', encoding='utf-8') as file:
            file.write('PS1="ready> "; autoload -Uz compinit; compinit -u -D\n'
                       'source <(patchbay completion zsh)\n')
        env = {**self.env, 'ZDOTDIR': self.folder, 'TERM': 'xterm'}
        with Terminal('-i', program='zsh', env=env, cwd=self.folder) as shell:
            shell.expect('ready> ')
            shell.send('patchbay conversations exp\t')
            shell.expect('export ')
            shell.send('\x15patchbay ask --pipeline sup\t')
            shell.expect('support ')
            shell.send('\x15patchbay ch\t')
            shell.expect('Talk with a pipeline')
            shell.send('\x15exit\r')
            shell.end()

    def test_other_shells_are_refused(self):
        done = server.run('completion', 'bsh')
        self.assertEqual(done.returncode, 2)
        self.assertIn("did you mean 'bash'", done.stderr)


class Help(unittest.TestCase):
    """Walks what the program itself lists."""

    def help(self, *words):
        done = server.run(*words, '--help', env={'PATCHBAY_CONFIG': CONFIG})
        self.assertEqual((done.returncode, done.stderr), (0, ''), words)
        self.assertTrue(done.stdout.startswith('usage: patchbay ' + words[0]), done.stdout)
        self.assertRegex(done.stdout, r'\nexample: patchbay ' + ' '.join(words) + r'\b')
        for line in done.stdout.splitlines():
            self.assertLessEqual(len(line), 120, line)
        return done.stdout

    def candidates(self, *words):
        done = server.run('completion', 'candidates', '--', *words, env={'PATCHBAY_CONFIG': CONFIG})
        return [line.split('\t')[0] for line in done.stdout.splitlines()]

    def test_every_command(self):
        listed = re.findall(r'^  (\w+) +\S', server.run('--help').stdout, re.M)
        self.assertLessEqual({'serve', 'chat', 'documents', 'completion', 'explain'}, set(listed))
        for name in listed:
            with self.subTest(name):
                self.help(name)
        nouns = set(self.candidates('')) - set(listed)
        self.assertLessEqual({'conversations', 'knowledge', 'turns'}, nouns)
        for noun in nouns | {'documents'}:
            self.help(noun)
            for verb in self.candidates(noun, ''):
                with self.subTest(f'{noun} {verb}'):
                    self.help(noun, verb)


if __name__ == '__main__':
    unittest.main()
