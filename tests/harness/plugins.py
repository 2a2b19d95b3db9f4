"""Plugins that a test builds with the compiler, in a folder of its own, and `patchbay inspect`."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import server

CONFIG = '''host: {log: {format: json}}
plugins: {path: [plugins]}
llms: {script: {use: replay, replies: [{text: hi}]}}
caches: {memory: {}}
pipelines:
  p: {stages: [
    good: {},
    generate: {llm: script}]}
transports: {web: {use: http, listen: "127.0.0.1:0", pipelines: [p]}}
'''
SOURCE = '''
#include <patchbay/stage.h>
struct it { int64_t times; int32_t mode; pb_instance *llm; };
static const pb_field options[] = {
    PB_INT(struct it, times, .def = "3", .min = 1, .max = 9, .help = "How often."),
    PB_ENUM(struct it, mode, .def = "soft", .values = PB_VALUES("soft", "hard"), .help = "How."),
    PB_REF(struct it, llm, "llm", .help = "Whom to ask."), PB_END };
static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    return pb_run_next(next, turn);
}
static pb_status health(void *self)
{
    (void)self;
    return HEALTH;
}
static void stats(void *self, pb_stats *stats)
{
    (void)self;
    pb_stat(stats, "shouts_total", 7);
}
BEFORE
PB_PLUGIN(NAME, "1.10.0", "MIT", "Is looked at.",
          PB_STAGE(NAME, struct it, options, .health = health, .stats = stats, .run = run));
'''


class PluginCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = tempfile.TemporaryDirectory(prefix='patchbay-inspect-')
        cls.library = os.path.join(cls.made.name, 'libabsent.so')
        with open(os.path.join(cls.made.name, 'absent.c'), 'w', encoding='utf-8') as file:
            file.write('int absent(void); int absent(void) { return 1; }')
        subprocess.run(['gcc', '-shared', '-fPIC', '-Wl,-soname,libabsent.so.3', '-o', cls.library,
                        os.path.join(cls.made.name, 'absent.c')], check=True)
        cls.good_file = cls.build('good')

    @classmethod
    def tearDownClass(cls):
        cls.made.cleanup()

    @classmethod
    def build(cls, name, before='', health='PB_OK', flags=()):
        source = os.path.join(cls.made.name, name + '.c')
        with open(source, 'w', encoding='utf-8') as file:
            file.write(SOURCE.replace('BEFORE', before).replace('NAME', f'"{name}"')
                       .replace('HEALTH', health))
        path = os.path.join(cls.made.name, name + '.so')
        subprocess.run(['gcc', '-shared', '-fPIC', '-fvisibility=hidden', '-I',
                        os.path.join(server.ROOT, 'sdk', 'include'), source, '-o', path, *flags],
                       check=True)
        return path

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix='patchbay-inspect-')
        self.addCleanup(self.folder.cleanup)
        self.plugins = os.path.join(self.folder.name, 'plugins')
        os.mkdir(self.plugins)
        self.put(self.good_file)
        self.config = os.path.join(self.folder.name, 'patchbay.yaml')
        self.write(CONFIG)

    def write(self, text):
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write(text)

    def put(self, path):
        return shutil.copy(path, self.plugins)

    def inspect(self, *arguments, code=0):
        done = server.run('inspect', '-c', self.config, '--data-dir',
                          os.path.join(self.folder.name, 'data'), *arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def row(self, name):
        rows = json.loads(self.inspect('--json').stdout)
        self.assertIn('generate', [row['name'] for row in rows if 'components' in row])
        return next(row for row in rows if row['name'] == name)
