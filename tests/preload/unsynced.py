"""The test's side of unsynced.so: a Disk whose power can be cut, and Faults that are switched on.

    disk = Disk(build)                  disk.folder is empty; whatever runs gets disk.environment()
    disk.cut(random)                    after all processes are dead: the folder is what was durable,
                                        and, with a random, of the rest whatever it pleases the disk
    disk.faults.fail('WRITE', errno.ENOSPC, path='-wal')
"""
import contextlib
import ctypes
import mmap
import os
import shutil
import struct
import subprocess
import tempfile

PAGE = 4096
CALLS = {'WRITE': 1, 'GROW': 2, 'SYNC': 4, 'OPEN': 8, 'NAMES': 16, 'READ': 32, 'ACCEPT': 64,
         'SOCKET': 128}
RULES, RULE, RULES_AT = 8, struct.Struct('=Iiqqq64s'), 8
AT_FDCWD, AT_SYMLINK_NOFOLLOW, STATX_ALL = -100, 0x100, 0xfff
libc = ctypes.CDLL(None, use_errno=True)


def identity(path):
    """A file's id as image.c writes it: inode and time of birth."""
    told = ctypes.create_string_buffer(256)
    if libc.statx(AT_FDCWD, os.fsencode(path), AT_SYMLINK_NOFOLLOW, STATX_ALL, told) != 0:
        raise OSError(ctypes.get_errno(), path)
    inode, = struct.unpack_from('=Q', told, 32)
    seconds, nanoseconds = struct.unpack_from('=qI', told, 80)
    return f'{inode}-{seconds}.{nanoseconds:09d}'


def sanitizer_runtime(program):
    """The runtime that must be loaded before anything else, or None."""
    told = subprocess.run(['ldd', program], capture_output=True, text=True, check=False).stdout
    for line in told.splitlines():
        if 'libasan' in line or 'libtsan' in line:
            return line.split('=>')[1].split()[0]
    return None


class Faults:
    """The control file: rules that let calls fail in every process, and the wall clock."""

    def __init__(self, path):
        self.path, self.syncs_failed = path, False
        with open(path, 'wb') as file:
            file.truncate(RULES_AT + RULES * RULE.size)
        with open(path, 'r+b') as file:
            self.memory = mmap.mmap(file.fileno(), 0)

    def fail(self, calls, error, path='', skip=0, times=-1, rule=0):
        """`calls` (names joined by |) fail with errno `error`, after `skip` of them, `times` times."""
        self.syncs_failed |= 'SYNC' in calls
        mask = 0
        for name in calls.split('|'):
            mask |= CALLS[name]
        RULE.pack_into(self.memory, RULES_AT + rule * RULE.size, 0, error, skip, times, 0,
                       path.encode())
        struct.pack_into('=I', self.memory, RULES_AT + rule * RULE.size, mask)

    def hits(self, rule=0):
        return RULE.unpack_from(self.memory, RULES_AT + rule * RULE.size)[4]

    def none(self):
        self.memory[RULES_AT:] = bytes(len(self.memory) - RULES_AT)

    def turn_clock(self, seconds):
        """The wall clock of every process is so much ahead of the real one."""
        struct.pack_into('=q', self.memory, 0, int(seconds * 1e9))


class Disk:
    def __init__(self, build, image=True, delay_us=0):
        self.library = os.path.join(build, 'tests', 'preload', 'unsynced.so')
        if not os.path.exists(self.library):
            raise AssertionError(f'{self.library} was not built')
        self.place = tempfile.mkdtemp(prefix='patchbay-disk-')
        self.folder = os.path.join(self.place, 'folder')
        self.image = os.path.join(self.place, 'image')
        self.keeps_image, self.delay_us = image, delay_us
        os.mkdir(self.folder)
        self.faults = Faults(os.path.join(self.place, 'control'))
        self.begin()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        shutil.rmtree(self.place, ignore_errors=True)

    def environment(self, program=None):
        first = sanitizer_runtime(program) if program else None
        told = {'LD_PRELOAD': ' '.join(filter(None, (first, self.library))),
                'UNSYNCED_FOLDER': self.folder,
                'UNSYNCED_CONTROL': self.faults.path,
                'UNSYNCED_DELAY': str(self.delay_us)}
        if self.keeps_image:
            told['UNSYNCED_IMAGE'] = self.image
        return told

    def begin(self):
        """All that is in the folder is durable."""
        if not self.keeps_image:
            return
        shutil.rmtree(self.image, ignore_errors=True)
        for part in ('pages', 'data', 'names'):
            os.makedirs(os.path.join(self.image, part))
        for folder, folders, files in os.walk(self.folder):
            names = [f'/ {name}\n' for name in folders]
            for name in files:
                path = os.path.join(folder, name)
                names.append(f'{identity(path)} {name}\n')
                shutil.copyfile(path, os.path.join(self.image, 'data', identity(path)))
            with open(self._names_of(folder), 'w', encoding='utf-8') as file:
                file.writelines(names)

    def _names_of(self, folder):
        return os.path.join(self.image, 'names',
                            '+' + folder[len(self.folder):].replace('/', '+'))

    def cut(self, random=None):
        """The power fails. Without `random` all that was not synced is lost; with one each page
        that was not synced is there or is not, as on a disk that writes in its own order."""
        self._check_itself()
        lost = self.folder + '.lost'
        os.rename(self.folder, lost)
        os.mkdir(self.folder)
        self._restore(self.folder, lost, random)
        shutil.rmtree(lost)
        self.begin()

    def _check_itself(self):
        """A page that counts as synced is in the image; else the layer, not the program, lost it."""
        if self.faults.syncs_failed:
            return
        for folder, _, files in os.walk(self.folder):
            for path in (os.path.join(folder, name) for name in files):
                parts = [os.path.join(self.image, part, identity(path))
                         for part in ('data', 'pages')]
                if path.endswith('-shm') or not all(map(os.path.exists, parts)):
                    continue
                with open(path, 'rb') as now, open(parts[0], 'rb') as data, \
                        open(parts[1], 'rb') as pages:
                    now, data, pages = now.read(), data.read(), pages.read()[PAGE:]
                for at in range(0, min(len(now), len(data)), PAGE):
                    if not pages[at // PAGE] and now[at:at + PAGE] != data[at:at + PAGE]:
                        raise AssertionError(f'the image of {path} lost page {at // PAGE}')

    def _restore(self, folder, lost, random):
        try:
            with open(self._names_of(folder), encoding='utf-8') as file:
                names = [line.rstrip('\n').split(' ', 1) for line in file]
        except FileNotFoundError:
            return  # its names were never synced
        for identifier, name in names:
            path = os.path.join(folder, name)
            if identifier == '/':
                os.mkdir(path)
                self._restore(path, os.path.join(lost, name), random)
                continue
            data = os.path.join(self.image, 'data', identifier)
            if os.path.exists(data):
                shutil.copyfile(data, path)
            else:
                open(path, 'wb').close()
            if random:
                self._keep_some(path, os.path.join(lost, name), identifier, random)

    def _keep_some(self, path, lost, identifier, random):
        """Of the pages that were written and not synced, a random half."""
        with contextlib.suppress(FileNotFoundError):
            if path.endswith('-shm') or identity(lost) != identifier:
                return
            with open(os.path.join(self.image, 'pages', identifier), 'rb') as file, \
                    open(lost, 'rb') as now, open(path, 'r+b') as kept:
                file.seek(PAGE)
                dirty = file.read(os.path.getsize(lost) // PAGE + 1)
                for page, state in enumerate(dirty):
                    if state and random.random() < 0.5:
                        now.seek(page * PAGE)
                        kept.seek(page * PAGE)
                        kept.write(now.read(PAGE))
