"""Plugins that are missing, broken or fail to start: one sentence, an exit code, nothing half
started."""
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import server

LOAD = os.path.join(server.BUILD, 'tests', 'conform', 'load')
CONFIG = '''
host: {log: {format: json}}
plugins: {path: [plugins, @BUILD@/plugins]}
llms: {script: {use: replay, replies: [{text: hi}]}}
pipelines: {p: {stages: [@STAGE@, generate: {llm: script}]}}
transports: {web: {use: http, listen: "127.0.0.1:0", pipelines: [p]}}
'''
SOURCE = '''
#include <patchbay/stage.h>
struct it { bool fails_to_create, fails_to_start; };
static const pb_field options[] = {
    PB_BOOL(struct it, fails_to_create, .help = "Yes."),
    PB_BOOL(struct it, fails_to_start, .help = "Yes."), PB_END };
static pb_status create(void *self)
{
    struct it *it = self;
    return it->fails_to_create ? pb_fail(PB_UNAVAILABLE, "no room for creation") : PB_OK;
}
static pb_status start(void *self)
{
    struct it *it = self;
    return it->fails_to_start ? pb_fail(PB_UNAVAILABLE, "the battery is empty") : PB_OK;
}
static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    return pb_run_next(next, turn);
}
PB_PLUGIN("moody", "1.0.0", "MIT", "Fails when told.",
          PB_STAGE("moody", struct it, options, .create = create, .start = start, .run = run));
'''


class Plugins(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix='patchbay-plugins-')
        self.plugins = os.path.join(self.folder.name, 'plugins')
        os.mkdir(self.plugins)

    def tearDown(self):
        self.folder.cleanup()

    def serve(self, stage):
        """Serves with this stage; must fail. Returns exit code and stderr."""
        path = os.path.join(self.folder.name, 'config.yaml')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(CONFIG.replace('@BUILD@', server.BUILD).replace('@STAGE@', stage))
        done = server.run('serve', '-c', path, '--data-dir',
                          os.path.join(self.folder.name, 'data'))
        self.assertNotIn('answers at', done.stdout)
        self.assertNotIn('listening', done.stderr)
        return done.returncode, done.stderr

    def refused(self, stage, *words, lines=1):
        code, said = self.serve(stage)
        self.assertNotIn(code, (0, 1, 134, 139, -6, -11), said)
        told = [line for line in said.splitlines()
                if 'problem' not in line.rsplit(':', 1)[-1] and line.strip()]
        self.assertEqual(len(told), lines, said)
        for word in words:
            self.assertIn(word, said)

    def broken(self, name):
        shutil.copy(os.path.join(LOAD, name + '.so'), os.path.join(self.plugins, 'broken.so'))

    def moody(self):
        source = os.path.join(self.folder.name, 'moody.c')
        with open(source, 'w', encoding='utf-8') as file:
            file.write(SOURCE)
        subprocess.run(['gcc', '-shared', '-fPIC', '-fvisibility=hidden', '-I',
                        os.path.join(server.ROOT, 'sdk', 'include'), source, '-o',
                        os.path.join(self.plugins, 'moody.so')], check=True)

    def test_missing(self):
        self.refused('telepathy: {}', "no plugin offers the stage 'telepathy'", 'searched')

    def test_wrong_abi(self):
        self.broken('abi')
        self.refused('step: {}', 'broken', 'ABI 9')

    def test_newer_api(self):
        self.broken('level')
        self.refused('step: {}', 'broken', '99')

    def test_broken_manifest(self):
        for name in ('manifest', 'format', 'no-manifest', 'no-symbol', 'component-differs',
                     'version-differs'):
            with self.subTest(name):
                self.broken(name)
                self.refused('step: {}', 'step')

    def test_no_elf_at_all(self):
        for content in (b'', b'\x7fELF', b'hello' * 1000, b'\x7fELF\x02\x01\x01' + b'\xff' * 4000):
            with open(os.path.join(self.plugins, 'step.so'), 'wb') as file:
                file.write(content)
            self.refused('step: {}', "no plugin offers the stage 'step'")

    def test_writable_by_others(self):
        self.broken('good')
        os.chmod(os.path.join(self.plugins, 'broken.so'), 0o777)
        self.refused('step: {}', 'broken.so')

    def test_failing_create(self):
        self.moody()
        self.refused('moody: {fails_to_create: true}', 'no room for creation', 'moody')

    def test_failing_start(self):
        self.moody()
        self.refused('moody: {fails_to_start: true}', 'the battery is empty', 'moody')

    def test_a_good_one_serves(self):
        """The same config with a stage that does not fail is fine: the tests above can fail."""
        self.moody()
        path = os.path.join(self.folder.name, 'config.yaml')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(CONFIG.replace('@BUILD@', server.BUILD).replace('@STAGE@', 'moody: {}'))
        served = server.Server(path)
        self.assertEqual(served.stop(), 0)
