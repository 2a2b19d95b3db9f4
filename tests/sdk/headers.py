#!/usr/bin/env python3
"""Compiles every public header alone, as C11 and C++17, pedantically: headers.py SDK_INCLUDE"""
import concurrent.futures
import os
import shutil
import subprocess
import sys

WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Werror', '-fsyntax-only']
COMPILERS = [['gcc', '-std=c11', '-xc'], ['g++', '-std=c++17', '-xc++'],
             ['clang', '-std=c11', '-xc'], ['clang++', '-std=c++17', '-xc++']]


def compile_alone(include, header, compiler):
    command = compiler + WARNINGS + ['-I', include, '-']
    done = subprocess.run(command, input=f'#include <{header}>\n', text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return f'{compiler[0]} {header}', done.returncode == 0, done.stdout


def main():
    include = sys.argv[1]
    headers = sorted(os.path.relpath(os.path.join(at, name), include)
                     for at, _, names in os.walk(include) for name in names
                     if name.endswith('.h'))
    compilers = [compiler for compiler in COMPILERS if shutil.which(compiler[0])]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(compile_alone, include, header, compiler)
                for header in headers for compiler in compilers]
        for job in jobs:
            name, good, output = job.result()
            if not good:
                failed += 1
                print(f'not ok {name}\n{output}')
    print(f'{len(jobs) - failed} passed, {failed} failed')
    return 1 if failed or not jobs else 0


if __name__ == '__main__':
    sys.exit(main())
