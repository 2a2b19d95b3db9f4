"""patchbay inspect: why a plugin does not load, what one offers, and how the running server is."""
import hashlib
import json
import os

from harness import server
from harness.plugins import CONFIG, PluginCase

# The signal is not left to a sanitizer.
CRASH = ('#include <signal.h>\n__attribute__((constructor)) static void crash(void) '
         '{ signal(SIGSEGV, SIG_DFL); *(volatile int *)8 = 1; }')
LEAVE = ('#include <unistd.h>\n'
         '__attribute__((constructor)) static void leave(void) { _exit(0); }')


class Inspect(PluginCase):
    def change(self, before, after):
        """A copy of the good plugin with one text of its file changed: its manifest lies."""
        with open(self.good_file, 'rb') as file:
            content = file.read()
        self.assertIn(before, content)
        with open(os.path.join(self.plugins, 'good.so'), 'wb') as file:
            file.write(content.replace(before, after))

    def refused(self, name, *words):
        """The list, the JSON and the command about this one plugin say the same sentence."""
        why = self.row(name)['not_loaded']
        for word in words:
            self.assertIn(word, why)
        self.assertIn('  not loaded: ' + why, self.inspect().stdout)
        self.assertIn(why, self.inspect(name, code=14).stderr)
        self.inspect(name, '--exists', code=14)
        for option in ('--schema', '--yaml'):
            self.assertEqual(self.inspect(name, option, code=14).stdout, '')

    # --- why not ---

    def test_wrong_abi(self):
        self.change(b'abi=0 ', b'abi=7 ')
        self.refused('good', 'built for plugin ABI 7, this host has ABI 0', 'rebuild')

    def test_future_level(self):
        self.change(b'level=1 ', b'level=9 ')
        self.refused('good', 'needs API level 9, this host has level 1', 'update Patchbay')

    def test_missing_library(self):
        self.put(self.build('lonely', 'int absent(void); int (*const used)(void) '
                            '__attribute__((visibility("default"))) = absent;',
                            flags=[self.library]))
        self.refused('lonely', 'needs the library libabsent.so.3', 'install')

    def test_missing_symbol(self):
        self.put(self.build('unresolved', 'int nowhere(void); int (*const used)(void) '
                            '__attribute__((visibility("default"))) = nowhere;'))
        self.refused('unresolved', 'undefined symbol: nowhere')

    def test_crash(self):
        self.put(self.build('crash', CRASH))
        self.refused('crash', 'crashed while it was loaded: Segmentation fault')

    def test_crash_of_one_that_is_used(self):
        self.put(self.build('crash', CRASH))
        self.write(CONFIG.replace('good: {}', 'crash: {}'))
        self.refused('crash', 'crashed while it was loaded: Segmentation fault')
        self.assertIn('uses a plugin that crashes', self.inspect().stderr)

    def test_ends_the_process(self):
        self.put(self.build('leave', LEAVE))
        self.refused('leave', 'ended the process while it was loaded')

    def test_writable_by_others(self):
        os.chmod(os.path.join(self.plugins, 'good.so'), 0o666)
        self.refused('good', 'others may write to the file', 'chmod go-w')

    def test_folder_writable_by_others(self):
        os.chmod(self.plugins, 0o777)
        self.refused('good', 'others may write to the folder', 'chmod go-w')

    def test_pinned_otherwise(self):
        with open(self.good_file, 'rb') as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        pinned = '{path: [plugins], pin: {good: "%s"}}'
        self.write(CONFIG.replace('{path: [plugins]}', pinned % digest))
        self.assertIn('components', self.row('good'))
        self.write(CONFIG.replace('{path: [plugins]}', pinned % ('0' * 64)))
        self.refused('good', 'not the file that plugins.pin asks for', digest)

    def test_no_plugin_at_all(self):
        with open(os.path.join(self.plugins, 'text.so'), 'w', encoding='utf-8') as file:
            file.write('hello')
        rows = json.loads(self.inspect('--json').stdout)
        self.assertIn('not an ELF file', next(
            row for row in rows if row['path'].endswith('plugins/text.so')
            and self.folder.name in row['path'])['not_loaded'])

    # --- what one offers ---

    def test_description(self):
        told = self.inspect('good').stdout
        for words in ('good 1.10.0 (MIT) - Is looked at.', 'level 1, abi 0', 'needs    llm',
                      f'used by  pipelines.p.stages[0].good ({self.config}:7)',
                      'times  a whole number, 1 to 9, default 3', 'How often.',
                      "mode  one of 'soft' or 'hard', default soft"):
            self.assertIn(words, told)
        self.assertIn('libsqlite3.so', self.inspect('sqlite').stdout)

    def test_json(self):
        row = self.row('good')
        self.assertEqual((row['version'], row['api_level'], row['abi']), ('1.10.0', 1, 0))
        component = row['components'][0]
        self.assertEqual((component['kind'], component['name'], component['needs']),
                         ('stage', 'good', ['llm']))
        self.assertEqual(component['instances'], [{'path': 'pipelines.p.stages[0].good',
                                                   'file': self.config, 'line': 7}])
        times = component['schema']['properties']['times']
        self.assertEqual((times['default'], times['description']), (3, 'How often.'))
        self.assertEqual(json.loads(self.inspect('good', '--json').stdout), row)

    def test_schema(self):
        schema = json.loads(self.inspect('good', '--schema').stdout)['stage good']
        self.assertEqual(schema['properties']['times']['maximum'], 9)

    def test_yaml_is_a_configuration(self):
        text = self.inspect('good', '--yaml').stdout
        self.assertIn('times: 3', text)
        stage = ''.join(f'      {line}\n' for line in text.splitlines())
        before, after = CONFIG.split('  p: {', 1)
        after = after.split('}]}\n')[-1]
        self.write(f'{before}  p:\n    stages:\n{stage}      - generate: {{llm: script}}\n{after}')
        done = server.run('check', '-c', self.config)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_exists(self):
        self.assertEqual(self.inspect('good', '--exists').stdout, '')
        self.inspect('nowhere', '--exists', code=5)
        self.inspect('--exists', code=2)

    def test_atleast_version(self):
        for version in ('1.10.0', '1.9.9', '1.10', '1', '0.20'):
            self.assertEqual(self.inspect('good', '--atleast-version', version).stdout, '')
        for version in ('1.10.1', '1.11', '2', '1.10.0.1'):
            done = self.inspect('good', '--atleast-version', version, code=6)
            self.assertIn(f'version 1.10.0, older than {version}', done.stderr)

    def test_a_file_anywhere(self):
        path = self.build('elsewhere')
        self.assertIn('elsewhere 1.10.0', self.inspect(path).stdout)
        self.inspect('elsewhere', '--exists', code=5)

    def test_a_broken_configuration_is_no_hindrance(self):
        self.write('plugins: {path: [plugins]}\nllms: {x: {use: nothing}}\nmore: 3\n')
        self.inspect('good', '--exists')

    # --- the running server ---

    def test_live(self):
        self.put(self.build('ill', health='pb_fail(PB_UNAVAILABLE, "the battery is empty")'))
        self.write(CONFIG.replace('good: {}', 'good: {}, ill: {}').replace('    good: {}, ill',
                                                                         '    good: {},\n    ill'))
        data = os.path.join(self.folder.name, 'data')
        served = server.Server(self.config, data_dir=data)
        try:
            told = json.loads(self.inspect('--live', '--json').stdout)
            self.assertEqual(sorted(one['worker'] for one in told['instances']), [1, 2])
            for worker in told['instances']:
                found = {one['path']: one for one in worker['instances']}
                good = found['pipelines.p.stages[0].good']
                self.assertEqual((good['health'], good['stats'], good['plugin'], good['version']),
                                 ('ok', {'shouts_total': 7}, 'good', '1.10.0'))
                ill = found['pipelines.p.stages[1].ill']
                self.assertEqual((ill['health'], ill['detail']),
                                 ('unavailable', 'the battery is empty'))
                self.assertEqual(found['llms.script']['health'], 'ok')
            text = self.inspect('--live').stdout
            self.assertIn('ok       pipelines.p.stages[0].good (good 1.10.0)', text)
            self.assertIn('not well pipelines.p.stages[1].ill', text)
            self.assertIn('    worker 2: unavailable: the battery is empty', text)
            self.assertIn('    shouts_total  7, 7', text)
        finally:
            self.assertEqual(served.stop(), 0)
        self.assertIn('no server runs', self.inspect('--live', code=14).stderr)
