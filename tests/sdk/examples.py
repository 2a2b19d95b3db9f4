#!/usr/bin/env python3
"""Plugins in C++ and Rust, as a stranger builds them: examples.py BUILD SDK

Installs BUILD into an empty prefix, takes the examples from there and lets the installed program write a plugin
in each language and kind, builds all with strict warnings in one project, runs their tests, `patchbay conform`
and the question of each example. Without rustc what is Rust is skipped."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, SDK = '', ''
FLAGS = '-Wall -Wextra -Wpedantic -Wshadow -Werror'
ASKED = {
    'calculate': ('What is my share of the rent?', 'Your share is 282.50.'),
    'mask': ('Write to ann@example.org, not to help@example.com.', 'I saw no private address.')}
# Rust's names of what crosses; the others have those of C in another spelling.
RUST = {'Str': 'pb_str', 'List::<u8>': 'pb_list', 'Map::<u8>': 'pb_map', 'Message': 'pb_message',
        'Usage': 'pb_usage', 'Event': 'pb_event', 'Json': 'pb_json', 'LlmRequest': 'pb_llm_request',
        'ToolFunction': 'pb_tool_function', 'ToolList': 'pb_tool_list', 'Word': 'pb_word'}
RUST_MEMBERS = {'pb_event': {'type': 'kind'}, 'pb_json': {'type': 'kind'}}


def run(*command, folder=None, code=0):
    environment = {'PATH': os.environ['PATH'], 'HOME': os.environ.get('HOME', '/tmp'), 'LC_ALL': 'C.UTF-8',
                   'NO_COLOR': '1', 'TMPDIR': tempfile.gettempdir()}
    done = subprocess.run(command, cwd=folder, env=environment, text=True, check=False, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != code:
        raise AssertionError(f'{command} gave {done.returncode}, not {code}:\n{done.stdout}')
    return done.stdout


def text_of(*path):
    with open(os.path.join(*path), encoding='utf-8') as file:
        return file.read()


class Languages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='patchbay-languages-')
        cls.addClassCleanup(folder.cleanup)
        cls.work, cls.prefix = folder.name, os.path.join(folder.name, 'prefix')
        cls.program = os.path.join(cls.prefix, 'bin', 'patchbay')
        run('cmake', '--install', BUILD, '--prefix', cls.prefix)
        cls.share = os.path.join(cls.prefix, 'share', 'patchbay')
        cls.rust = bool(shutil.which('rustc'))
        if not cls.rust:
            print('rustc is missing (package rustc): what is Rust is skipped', file=sys.stderr)
        cls.names = []
        for name in ASKED:
            example = os.path.join(cls.share, 'sdk', 'examples', name)
            if cls.rust or not os.path.exists(os.path.join(example, f'{name}.rs')):
                shutil.copytree(example, os.path.join(cls.work, name))
                cls.names.append(name)
        for language in ['c++'] + ['rust'] * cls.rust:
            for kind in sorted(set(os.listdir(os.path.join(cls.share, 'template', language))) - {'common'}):
                name = f'{language.replace("+", "p")}-{kind}'
                run(cls.program, 'new', kind, name, '--language', language, folder=cls.work)
                cls.names.append(name)
        cls.build()

    @classmethod
    def build(cls):
        lines = ['cmake_minimum_required(VERSION 3.25)', 'project(all LANGUAGES C CXX)', 'enable_testing()']
        lines += [f'add_subdirectory({name})' for name in cls.names]
        with open(os.path.join(cls.work, 'CMakeLists.txt'), 'w', encoding='utf-8') as file:
            file.write('\n'.join(lines) + '\n')
        launcher = [f'-DCMAKE_{one}_COMPILER_LAUNCHER=ccache' for one in ('C', 'CXX') if shutil.which('ccache')]
        run('cmake', '-B', 'build', '-G', 'Ninja', f'-DCMAKE_PREFIX_PATH={cls.prefix}', '-DCMAKE_BUILD_TYPE=Debug',
            f'-DCMAKE_C_FLAGS={FLAGS}', f'-DCMAKE_CXX_FLAGS={FLAGS}', *launcher, folder=cls.work)
        cls.said = run('cmake', '--build', 'build', folder=cls.work)

    def test_all_pass_their_tests(self):
        self.assertNotIn('warning', self.said)
        said = run('ctest', '--test-dir', 'build', '--output-on-failure', folder=self.work)
        self.assertEqual(len(re.findall(r'harness \.* +Passed', said)), len(self.names), said)
        self.assertEqual(len(re.findall(r'example \.* +Passed', said)), len(self.names), said)

    def test_all_conform_and_export_one_symbol(self):
        for name in self.names:
            with self.subTest(name=name):
                plugin = os.path.join('build', name, f'{name}.so')
                said = run(self.program, 'conform', '--quick', plugin, folder=self.work)
                self.assertRegex(said, r'[1-9]\d* passed, 0 failed')
                symbols = run('nm', '-D', '--defined-only', plugin, folder=self.work)
                self.assertEqual([line.split()[-1] for line in symbols.splitlines()], ['patchbay_plugin'])

    def test_the_examples_answer(self):
        for name, (question, answer) in ASKED.items():
            with self.subTest(name=name):
                if name not in self.names:
                    self.skipTest('rustc is missing')
                readme = text_of(self.work, name, 'README.md')
                self.assertIn(f'patchbay ask -c example.yaml "{question}"', readme)
                said = run(self.program, 'ask', '-c', 'example.yaml', '--set', f'plugins.path=[../build/{name}]',
                           question, folder=os.path.join(self.work, name))
                self.assertEqual(said, answer + '\n')

    def test_the_examples_have_the_files_of_the_templates(self):
        for name, language, files in (('calculate', 'c++', ('guard.hpp',)),
                                      ('mask', 'rust', ('patchbay.rs', 'turn.rs', 'calls.c'))):
            for file in files:
                with self.subTest(file=file):
                    self.assertEqual(text_of(self.share, 'sdk', 'examples', name, file),
                                     text_of(self.share, 'template', language, 'common', file))

    def test_what_is_thrown_does_not_cross(self):
        """A C++ exception in create and a Rust panic in a turn are failures with a sentence, and no crash."""
        changes = {'calculate': ('calculate.cpp', 'own->names = made.release();',
                                 'throw std::string("secret");', 'threw an exception'),
                   'mask': ('mask.rs', 'let mut changed = false;',
                            'let mut changed = "secret".len() > 9; assert!(changed, "secret");', 'panicked')}
        for name in set(changes) & set(self.names):
            with self.subTest(name=name):
                file, before, after, sentence = changes[name]
                text = text_of(self.work, name, file)
                self.assertIn(before, text)
                try:
                    with open(os.path.join(self.work, name, file), 'w', encoding='utf-8') as out:
                        out.write(text.replace(before, after, 1))
                    run('cmake', '--build', 'build', '--target', name, folder=self.work)
                    said = self.broken(name)
                finally:
                    with open(os.path.join(self.work, name, file), 'w', encoding='utf-8') as out:
                        out.write(text)
                self.assertIn(sentence, said)
                self.assertNotIn('secret', said)

    def broken(self, name):
        """What an ask of the example says whose plugin was broken."""
        done = subprocess.run(
            [self.program, 'ask', '-c', 'example.yaml', '--json', '--set', f'plugins.path=[../build/{name}]',
             ASKED[name][0]], cwd=os.path.join(self.work, name), text=True, check=False, timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertGreaterEqual(done.returncode, 0, done.stdout)  # no signal
        return done.stdout

    def test_structs_in_rust_are_laid_out_as_recorded(self):
        if not self.rust:
            self.skipTest('rustc is missing')
        recorded = {}
        for fact in json.loads(text_of(SDK, 'abi', 'stable.json')):
            if fact.get('struct') in RUST.values():
                own = recorded.setdefault(fact['struct'], {})
                own[fact.get('member')] = fact.get('offset', fact['size'])
        self.assertEqual(self.measured(recorded), recorded)

    def measured(self, recorded):
        """{struct: {member: offset, None: size}} as rustc lays them out."""
        template = os.path.join(self.share, 'template', 'rust')
        lines = []
        for rust, name in RUST.items():
            lines.append(f'println!("{name} - {{}}", std::mem::size_of::<{rust}>());')
            for member in recorded[name]:
                if member:
                    spelt = RUST_MEMBERS.get(name, {}).get(member, member)
                    lines.append(f'let own = std::mem::MaybeUninit::<{rust}>::uninit(); let at = own.as_ptr(); '
                                 f'println!("{name} {member} {{}}", unsafe {{ std::ptr::addr_of!((*at).{spelt}) '
                                 'as usize - at as usize });')
        parts = [text_of(template, *path.split('/')) for path in (
            'common/patchbay.rs', 'common/turn.rs', 'llm/llm.rs', 'tool/tool.rs')]
        uses = re.compile(r'^(//!.*|#!\[.*|use (crate|std::os).*)\n', re.M)
        with open(os.path.join(self.work, 'layout.rs'), 'w', encoding='utf-8') as file:
            file.write('#![allow(dead_code)]\nuse std::os::raw::c_void;\n' + uses.sub('', '\n'.join(parts))
                       + 'fn main() {\n' + '\n'.join(lines) + '\n}\n')
        calls = os.path.join(template, 'common', 'calls.c')
        with open(os.path.join(self.work, 'table.c'), 'w', encoding='utf-8') as file:
            file.write('#include <patchbay/stage.h>\nconst pb_host *pb_host_table;\n')
        run('cc', '-shared', '-fPIC', f'-I{self.prefix}/include', '-o', 'libcalls.so', calls, 'table.c',
            folder=self.work)
        run('rustc', '--edition', '2021', '-L', '.', '-l', 'calls', '-o', 'layout', 'layout.rs', folder=self.work)
        said = {}
        for line in run('env', 'LD_LIBRARY_PATH=.', './layout', folder=self.work).splitlines():
            name, member, figure = line.split()
            said.setdefault(name, {})[None if member == '-' else member] = int(figure)
        return said

    def test_what_is_not_there_is_refused_with_what_is(self):
        for arguments, sentence in (
                (('service', 'x', '--language', 'rust'),
                 "no template for the kind 'service' in rust; there are stage, llm, tool"),
                (('stage', 'x', '--language', 'go'), "no templates in the language 'go'; known are 'c', 'c++' and 'rust'"),
                (('stage', 'x', '--language', 'rst'), "did you mean 'rust'?"),
                (('stage', 'crate'), 'the word means something else in C, C++, Rust')):
            with self.subTest(arguments=arguments):
                self.assertIn(sentence, run(self.program, 'new', *arguments, folder=self.work, code=2))
        self.assertFalse(os.path.exists(os.path.join(self.work, 'x')))
        self.assertRegex(run(self.program, 'new', '--help'), r'(?m)^  rust  .*: stage, llm, tool$')
        self.assertRegex(run(self.program, 'completion', 'candidates', '--', 'new', 'stage', 'x', '--language', 'r'),
                         r'(?m)^rust\t')


if __name__ == '__main__':
    BUILD, SDK = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
