"""Whoever may not choose a plugin's code cannot: each test tries a way around pins, ownership, the
check of the file that is opened, and the system's folders for libraries."""
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import unittest

from harness import server
from harness.plugins import CONFIG, PluginCase

NOBODY = 65534
MARK = '''
#include <fcntl.h>
#include <unistd.h>
__attribute__((constructor)) static void mark(void) { close(open("PATH", O_CREAT | O_WRONLY, 0644)); }
'''
USES = ('int absent(void); extern int (*const used)(void); '
        'int (*const used)(void) __attribute__((visibility("default"))) = absent;')
AUDIT = '''
#define _GNU_SOURCE
#include <link.h>
#include <string.h>
unsigned la_version(unsigned version) { return version; }
char *la_objsearch(const char *name, uintptr_t *cookie, unsigned flag)
{
    (void)cookie; (void)flag;
    return strstr(name, "libabsent") ? "PATH" : (char *)name;
}
'''


def digest(path):
    with open(path, 'rb') as file:
        return hashlib.sha256(file.read()).hexdigest()


class Loading(PluginCase):
    def setUp(self):
        super().setUp()
        self.marker = os.path.join(self.folder.name, 'marker')
        self.libraries = os.path.join(self.folder.name, 'libraries')
        os.mkdir(self.libraries)

    def marking(self, more=''):
        return MARK.replace('PATH', self.marker) + more

    def compile(self, text, path, *flags):
        source = os.path.join(self.folder.name, 'source.c')
        with open(source, 'w', encoding='utf-8') as file:
            file.write(text)
        subprocess.run(['gcc', '-shared', '-fPIC', '-o', path, source, *flags], check=True)
        return path

    def marking_library(self, *flags):
        """One that leaves a mark when it is loaded."""
        return self.compile(self.marking('int absent(void); int absent(void) { return 2; }'),
                            os.path.join(self.libraries, 'libabsent.so.3'), *flags)

    def refused(self, name, *words, env=None):
        self.assertFalse(os.path.exists(self.marker))
        done = server.run('inspect', '-c', self.config, name, env=env)
        self.assertEqual(done.returncode, 14, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.write(CONFIG.replace('good: {}', f'{name}: {{}}'))
        done = server.run('check', '-c', self.config, env=env)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertFalse(os.path.exists(self.marker), 'its code ran')

    def good(self):
        self.inspect('good', '--exists')

    # --- pins ---

    def pin(self, path):
        self.write(CONFIG.replace('{path: [plugins]}',
                                  f'{{path: [plugins], pin: {{good: "{digest(path)}"}}}}'))

    def evil(self):
        """A plugin of the same name that leaves a mark."""
        path = os.path.join(self.folder.name, 'evil.so')
        with open(os.path.join(self.made.name, 'good.c'), encoding='utf-8') as file:
            text = file.read()
        return self.compile(text + self.marking(), path, '-fvisibility=hidden', '-I',
                            os.path.join(server.ROOT, 'sdk', 'include'))

    def test_what_is_not_pinned_does_leave_a_mark(self):
        """The tests with a mark can fail."""
        shutil.copy(self.evil(), os.path.join(self.plugins, 'good.so'))
        self.good()
        self.assertTrue(os.path.exists(self.marker))

    def test_another_file_in_place_of_the_pinned(self):
        self.pin(self.good_file)
        self.good()
        shutil.copy(self.evil(), os.path.join(self.plugins, 'good.so'))
        self.assertIn('plugins.pin', self.inspect('good', code=14).stderr)
        self.assertFalse(os.path.exists(self.marker))

    def test_a_namesake_that_is_found_first(self):
        self.pin(self.good_file)
        shutil.copy(self.evil(), os.path.join(self.plugins, 'a.so'))
        self.assertIn('plugins.pin', self.inspect('good', code=14).stderr)
        server.run('check', '-c', self.config)
        self.assertFalse(os.path.exists(self.marker))

    def test_swapped_between_check_and_open(self):
        self.pin(self.good_file)
        evil, done = self.evil(), threading.Event()
        target = os.path.join(self.plugins, 'good.so')
        swaps = [0]

        def swap():
            while not done.is_set():
                for path in (evil, self.good_file):
                    link = os.path.join(self.folder.name, 'next')
                    os.link(path, link)
                    os.replace(link, target)
                    swaps[0] += 1

        thread = threading.Thread(target=swap)
        thread.start()
        try:
            codes = {server.run('inspect', '-c', self.config, 'good', '--exists').returncode
                     for _ in range(20)}
        finally:
            done.set()
            thread.join()
        self.assertGreater(swaps[0], 20)
        self.assertLessEqual(codes, {0, 14})
        self.assertFalse(os.path.exists(self.marker), 'what was opened is not what was checked')

    # --- who may have put it there ---

    def test_a_link_in_a_folder_that_others_may_write(self):
        """The file itself is in a safe place; who writes the link chooses it."""
        open_folder = os.path.join(self.folder.name, 'open')
        os.mkdir(open_folder)
        os.rename(self.plugins, os.path.join(self.folder.name, 'safe'))
        os.symlink(os.path.join(self.folder.name, 'safe'), os.path.join(open_folder, 'way'))
        os.symlink(os.path.join(open_folder, 'way'), self.plugins)
        self.good()
        os.chmod(open_folder, 0o777)
        self.refused('good', 'others may write to the folder', 'open (mode 0777)')

    def test_a_linked_file_in_a_folder_that_others_may_write(self):
        safe = os.path.join(self.folder.name, 'safe')
        os.mkdir(safe)
        os.rename(os.path.join(self.plugins, 'good.so'), os.path.join(safe, 'real.so'))
        os.symlink('../safe/real.so', os.path.join(self.plugins, 'good.so'))
        self.good()
        os.chmod(self.plugins, 0o777)
        self.refused('good', 'others may write to the folder', 'plugins (mode 0777)')

    def test_a_link_to_itself(self):
        path = os.path.join(self.plugins, 'round.so')
        os.symlink('round.so', path)
        self.assertIn('Too many levels', self.inspect('round', code=14).stderr)

    def test_a_folder_far_above(self):
        deep = os.path.join(self.folder.name, 'above', 'middle')
        os.makedirs(deep)
        os.rename(self.plugins, os.path.join(deep, 'plugins'))
        self.write(CONFIG.replace('[plugins]', '[above/middle/plugins]', 1))
        self.good()
        os.chmod(os.path.join(self.folder.name, 'above'), 0o775)
        self.assertIn('above (mode 0775)', self.inspect('good', code=14).stderr)

    @unittest.skipUnless(os.geteuid() == 0, 'only root can give files away')
    def test_what_belongs_to_another_user(self):
        path = os.path.join(self.plugins, 'good.so')
        for what in (path, self.plugins):
            os.chown(what, NOBODY, NOBODY)
            self.assertIn(f'belongs to user {NOBODY}', self.inspect('good', code=14).stderr)
            os.chown(what, 0, 0)
        self.good()
        os.rename(path, os.path.join(self.folder.name, 'real.so'))
        os.symlink('../real.so', path)
        self.good()
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        self.assertIn(f'the link {path} belongs to user {NOBODY}',
                      self.inspect('good', code=14).stderr)

    # --- libraries ---

    def needing(self, *flags, library=None):
        library = library or self.marking_library('-Wl,-soname,libabsent.so.3')
        return self.put(self.build('needing', USES, flags=[library, *flags]))

    def loads(self, path, env):
        """What a program does that does not heed: the library is found, and leaves its mark."""
        subprocess.run([sys.executable, '-c', f'import ctypes; ctypes.CDLL({path!r})'], check=True,
                       env={**os.environ, **env})
        self.assertTrue(os.path.exists(self.marker))
        os.remove(self.marker)

    def test_library_path(self):
        env = {'LD_LIBRARY_PATH': self.libraries}
        self.loads(self.needing(), env)
        self.refused('needing', 'needs the library libabsent.so.3', env=env)

    def test_audit(self):
        path = self.needing()
        audit = AUDIT.replace('PATH', os.path.join(self.libraries, 'libabsent.so.3'))
        env = {'LD_AUDIT': self.compile(audit, os.path.join(self.folder.name, 'audit.so'))}
        self.loads(path, env)
        self.refused('needing', 'needs the library libabsent.so.3', env=env)

    def test_run_path(self):
        for flags in ((f'-Wl,-rpath,{self.libraries}', '-Wl,--enable-new-dtags'),
                      (f'-Wl,-rpath,{self.libraries}', '-Wl,--disable-new-dtags'),
                      ('-Wl,-rpath,$ORIGIN/../libraries',)):
            with self.subTest(flags):
                self.loads(self.needing(*flags), {})
                self.refused('needing', 'RUNPATH', 'without -rpath')

    def test_library_by_its_path(self):
        self.loads(self.needing(library=self.marking_library()), {})
        self.refused('needing', f'asks for the library {self.libraries}/libabsent.so.3 by its path')

    def test_the_search_path_is_no_hindrance(self):
        done = server.run('inspect', '-c', self.config, 'good',
                          env={'LD_LIBRARY_PATH': self.libraries, 'LD_AUDIT': ''})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('good 1.10.0', done.stdout)
