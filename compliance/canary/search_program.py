"""Searches one host for texts that must not stand there in plain. Runs there as root, standard library only.

Given one question (a dictionary), prints one JSON object: what was searched, what was not and why, and where something
was found: path, offset and encoding, never the text around it nor a path that holds it.

- `words`: [needle's name, encoding, the bytes to find in base64]. They come with this program on standard input, and
  stand in no argument, file or log.
- `since`: when the texts were made. Journals are read from an hour before; a container that cannot be opened and has
  not changed since an hour before cannot hold them.
- `roots`: folders, if not everything but the system's own packages.
- `memory_of`: names of programs whose memory is searched: caches that never write.
- `deadline_seconds`: what is not searched by then is said.

A host is sent this file behind those that it imports from here, as one program (searching.py).
"""

# The program works on descriptors, and on names that are no text.
# ruff: noqa: PTH110, PTH112, PTH114, PTH116, PTH119, PTH123, PTH208, S108

from __future__ import annotations

import base64
import contextlib
import io
import json
import lzma
import os
import resource
import shutil
import stat
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

from compliance.canary.containers import MAGIC, OPENED_HERE, PROGRAMS, NotSearched, inflated, limited, unpacked
from compliance.canary.finder import Finder

CHUNK_BYTES = 4 << 20
MEMORY_LIMIT_BYTES = 1 << 30
SLACK_SECONDS = 3600.0
HITS_LIMIT = 50
SKIPPED_LIMIT = 200
SYSTEM = frozenset({'bin', 'boot', 'dev', 'lib', 'lib32', 'lib64', 'libx32', 'proc', 'sbin', 'sys', 'usr'})
NO_FILES = frozenset({
    'autofs', 'binfmt_misc', 'bpf', 'cgroup', 'cgroup2', 'configfs', 'debugfs', 'devpts', 'devtmpfs', 'efivarfs',
    'fusectl', 'hugetlbfs', 'mqueue', 'nsfs', 'proc', 'pstore', 'rpc_pipefs', 'securityfs', 'selinuxfs', 'sysfs',
    'tracefs',
})  # fmt: skip
FAR_AWAY = ('nfs', 'cifs', 'smb', 'fuse', 'ceph', 'glusterfs')


class TooLate(Exception):
    """The deadline passed."""


class Search:
    """One search of one host."""

    def __init__(self, question: dict[str, Any]) -> None:
        self.known: dict[bytes, tuple[str, str]] = {}
        for needle, encoding, word in question['words']:
            self.known.setdefault(base64.b64decode(word), (needle, encoding))
        self.finder = Finder(list(self.known))
        self.ends = time.monotonic() + float(question['deadline_seconds'])
        self.since = float(question['since'])
        self.hits: dict[tuple[str, str, str, str], dict[str, Any]] = {}
        self.skipped: list[dict[str, str]] = []
        self.counts = dict.fromkeys(
            ('files', 'bytes', 'opened', 'journals', 'memory_bytes', 'processes', 'deleted_files', 'vanished',
             'unchanged_containers', 'skipped', 'hits'), 0
        )  # fmt: skip
        self.seen: set[tuple[int, int]] = set()
        self.journals: list[str] = []

    def stream(self, read: Callable[[int], bytes], path: str, kind: str, offset: int = 0) -> None:
        """Given what reads on and where that is, note every needle. Raise TooLate."""
        tail = b''
        while True:
            if time.monotonic() > self.ends:
                raise TooLate
            chunk = read(CHUNK_BYTES)
            if not chunk:
                return
            self.counts['bytes'] += len(chunk)
            block = tail + chunk
            for start, word in self.finder.found(block):
                if start + len(word) > len(tail):
                    self.hit(word, path, kind, offset - len(tail) + start)
            offset += len(chunk)
            tail = block[-(self.finder.longest - 1) :]

    def hit(self, word: bytes, path: str, kind: str, offset: int) -> None:
        """Note a needle that was found."""
        needle, encoding = self.known[word]
        self.counts['hits'] += 1
        key = (needle, encoding, path, kind)
        if key in self.hits:
            self.hits[key]['times'] += 1
        elif sum(each[0] == needle for each in self.hits) < HITS_LIMIT:
            # Each needle has its own limit: many harmless ones must not crowd out one that is not.
            self.hits[key] = {
                'needle': needle, 'encoding': encoding, 'path': self.shown(path), 'kind': kind, 'offset': offset,
                'times': 1,
            }  # fmt: skip

    def skip(self, path: str, reason: str) -> None:
        """Note what was not searched, and why."""
        self.counts['skipped'] += 1
        if len(self.skipped) < SKIPPED_LIMIT:
            self.skipped.append({'path': self.shown(path), 'reason': reason})

    def shown(self, path: str) -> str:
        """Given a path, return it as it may be reported: cut before a name that itself holds what is searched."""
        whole = os.fsencode(path)
        first = min((start for start, _ in self.finder.found(whole)), default=None)
        text = path if first is None else os.fsdecode(whole[:first]).rpartition('/')[0] + '/…'
        return text.encode(errors='backslashreplace').decode()

    def name(self, path: str) -> None:
        """Search the last name of a path."""
        for _, word in self.finder.found(os.fsencode(os.path.basename(path))):
            self.hit(word, path, 'name', 0)

    # --- files

    def walk(self, root: str, pruned: dict[str, str]) -> None:
        """Search every file below a folder but in what is pruned."""
        folders = [root]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    listed = sorted(entries, key=lambda entry: entry.name)
            except FileNotFoundError:
                self.counts['vanished'] += 1
                continue
            except OSError as error:
                self.skip(folder, str(error.strerror))
                continue
            for entry in listed:
                self.name(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    reason = pruned.get(entry.path)
                    if reason is None:
                        folders.append(entry.path)
                    elif reason:
                        self.skip(entry.path, reason)
                elif entry.is_file(follow_symlinks=False):
                    self.file(entry.path, entry.path, 'file')

    def file(self, path: str, label: str, kind: str, flags: int = os.O_NOFOLLOW) -> None:
        """Given a file and what to call it, search it, and what is in it if it is a container."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | flags)
        except FileNotFoundError:
            self.counts['vanished'] += 1
            return
        except OSError as error:
            self.skip(label, str(error.strerror))
            return
        with open(descriptor, 'rb', buffering=0) as opened:
            found = os.fstat(descriptor)
            if not (stat.S_ISREG(found.st_mode) or kind == 'swap') or (found.st_dev, found.st_ino) in self.seen:
                return
            self.seen.add((found.st_dev, found.st_ino))
            try:
                magic = os.pread(descriptor, 8, 0)
                self.counts['files'] += 1
                self.data(
                    descriptor, found.st_size if kind != 'swap' else os.lseek(descriptor, 0, os.SEEK_END), label, kind
                )
                for beginning, container in MAGIC:
                    if magic.startswith(beginning):
                        self.container(opened, container, label, found)
            except OSError as error:
                self.skip(label, str(error.strerror or error))
            except NotSearched as error:
                self.skip(label, str(error))

    def data(self, descriptor: int, size: int, label: str, kind: str) -> None:
        """Search the parts of a file that are no holes, as far as it went when it was opened."""
        start = 0
        while start < size:
            try:
                start = os.lseek(descriptor, start, os.SEEK_DATA)
                end = min(size, os.lseek(descriptor, start, os.SEEK_HOLE))
            except OSError:
                # No data any more, or a file system that has no holes.
                if start:
                    return
                end = size
            place = start

            def read(count: int, end: int = end) -> bytes:
                nonlocal place
                chunk = os.pread(descriptor, min(count, end - place), place)
                place += len(chunk)
                return chunk

            self.stream(read, label, kind, start)
            start = max(end, start + 1)

    # --- containers

    def container(self, opened: io.FileIO, kind: str, label: str, found: os.stat_result) -> None:
        """Given an open file of a kind, search what is in it. Raise NotSearched if it cannot be opened."""
        if kind == 'journal':
            self.journals.append(label)
            return
        if kind not in OPENED_HERE and shutil.which(PROGRAMS.get(kind, [kind])[0]) is None:
            if found.st_ctime < self.since - SLACK_SECONDS:
                self.counts['unchanged_containers'] += 1
                return
            raise NotSearched(f'{kind}: nothing here opens it')
        opened.seek(0)
        try:
            if kind == 'zip':
                self.zip(opened, label)
            elif kind == 'snapshot':
                self.stream(limited(unpacked(opened)), label, 'opened')
            elif kind in PROGRAMS:
                self.program([*PROGRAMS[kind]], label, 'opened', opened)
            else:
                self.stream(limited(inflated(opened, kind)), label, 'opened')
        except (
            zlib.error,
            lzma.LZMAError,
            EOFError,
            zipfile.BadZipFile,
            ValueError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise NotSearched(f'{kind}: cannot be opened ({type(error).__name__})') from None
        self.counts['opened'] += 1

    def zip(self, opened: io.FileIO, label: str) -> None:
        """Search every member of a zip file."""
        with zipfile.ZipFile(opened) as archive:
            for member in archive.infolist():
                with archive.open(member) as inside:
                    self.stream(
                        limited(iter(lambda: inside.read(CHUNK_BYTES), b'')), f'{label}!{member.filename}', 'opened'
                    )

    def program(self, argv: list[str], label: str, kind: str, given: Any = subprocess.DEVNULL) -> None:
        """Search what a program prints. Raise NotSearched if it fails."""
        with subprocess.Popen(argv, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            out, errors = running.stdout, running.stderr
            assert out is not None and errors is not None
            try:
                self.stream(limited(iter(lambda: os.read(out.fileno(), CHUNK_BYTES), b'')), label, kind)
                said = errors.read(2000).decode(errors='replace').strip()
            except BaseException:
                running.kill()
                raise
        if running.returncode or 'corrupt' in said.lower():
            raise NotSearched(f'{argv[0]} ended with {running.returncode}: {self.shown(said)[:120]}')

    # --- what is in no file of a folder

    def journal_files(self) -> None:
        """Ask journalctl for what stands compressed in the journals that were met."""
        for path in self.journals:
            argv = ['journalctl', f'--file={path}', '--output=export', '--all', '--no-pager', '--quiet',
                    f'--since=@{int(self.since - SLACK_SECONDS)}']  # fmt: skip
            try:
                self.program(argv, path, 'journal')
                self.counts['journals'] += 1
            except (OSError, NotSearched) as error:
                # A journal that was rotated away meanwhile stands in its successor.
                if os.path.exists(path):
                    self.skip(path, f'journalctl: {error}')

    def processes(self, memory_of: list[str]) -> None:
        """Search arguments and variables of every process, deleted files that it has open, and some memories."""
        for number in sorted(filter(str.isdecimal, os.listdir('/proc')), key=int):
            try:
                with open(f'/proc/{number}/comm', encoding='utf-8', errors='replace') as file:
                    program = file.read().strip()
                for part in ('cmdline', 'environ'):
                    with open(f'/proc/{number}/{part}', 'rb', buffering=0) as opened:
                        self.stream(opened.read, f'{part} of {program}', 'process')
                self.counts['processes'] += 1
                for descriptor in os.listdir(f'/proc/{number}/fd'):
                    self.deleted(f'/proc/{number}/fd/{descriptor}', program)
            except OSError:
                # It ended.
                continue
            if program in memory_of and int(number) != os.getpid():
                self.memory(number, program)

    def deleted(self, path: str, program: str) -> None:
        """Search a file that is deleted and still open."""
        with contextlib.suppress(OSError):
            found = os.stat(path)
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 0 and found.st_size:
                self.counts['deleted_files'] += 1
                self.file(path, f'deleted file of {program}', 'deleted', 0)

    def memory(self, number: str, program: str) -> None:
        """Search what a process may write in its memory."""
        label = f'memory of {program}'
        try:
            with open(f'/proc/{number}/maps', encoding='utf-8', errors='replace') as file:
                lines = [line.split() for line in file]
            with open(f'/proc/{number}/mem', 'rb', buffering=0) as opened:
                for line in lines:
                    if line[1].startswith('rw') and line[-1] not in ('[vvar]', '[vsyscall]'):
                        first, last = (int(word, 16) for word in line[0].split('-'))
                        before = self.counts['bytes']
                        opened.seek(first)
                        left = last - first

                        def read(count: int) -> bytes:
                            nonlocal left
                            chunk = opened.read(min(count, left)) if left else b''
                            left -= len(chunk)
                            return chunk

                        with contextlib.suppress(OSError):
                            # A part that was given back meanwhile.
                            self.stream(read, label, 'memory')
                        self.counts['memory_bytes'] += self.counts['bytes'] - before
        except OSError as error:
            self.skip(label, str(error.strerror))

    def swaps(self) -> list[str]:
        """Search the swap and return its names."""
        with open('/proc/swaps', encoding='utf-8') as file:
            names = [line.split()[0] for line in file.readlines()[1:]]
        for name in names:
            # In a container it is the machine's, which the container cannot see.
            if os.path.exists(name):
                self.file(name, name, 'swap', 0)
            else:
                self.skip(name, 'swap that is in use, and not to be seen from here')
        return names


def mounts() -> dict[str, str]:
    """Return the folders not to walk into, with the reason, '' if there are no files in them."""
    pruned = {}
    with open('/proc/self/mounts', encoding='utf-8', errors='replace') as file:
        for line in file:
            _, place, kind = line.split()[:3]
            place = place.replace('\\040', ' ')
            if kind in NO_FILES:
                pruned[place] = ''
            elif kind.startswith(FAR_AWAY):
                pruned[place] = f'a file system of kind {kind}'
    return pruned


def roots() -> list[str]:
    """Return every folder of the host but what its packages own and the kernel makes up."""
    own = [f'/{name}' for name in sorted(os.listdir('/')) if name not in SYSTEM and os.path.isdir(f'/{name}')]
    return [*(place for place in own if not os.path.islink(place)), '/usr/local', '/dev/shm']


def be_humble() -> None:
    """Give way to everybody else, and take no more memory than a search needs."""
    os.nice(19)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    with contextlib.suppress(OSError):
        subprocess.run(['ionice', '-c', '3', '-p', str(os.getpid())], check=False, capture_output=True)


def main(question: dict[str, Any]) -> dict[str, Any]:
    """Given a question, search and return the answer."""
    started = time.monotonic()
    search = Search(question)
    searched = question.get('roots') or roots()
    complete, swaps = True, []
    try:
        pruned = mounts()
        for root in searched:
            search.walk(root, pruned)
        if not question.get('roots'):
            search.processes(question['memory_of'])
            swaps = search.swaps()
        search.journal_files()
    except TooLate:
        complete = False
    return {
        **search.counts, 'complete': complete, 'roots': searched, 'swaps': swaps, 'is_root': os.geteuid() == 0,
        'patterns': len(search.known), 'seconds': round(time.monotonic() - started, 1),
        'hits': sorted(search.hits.values(), key=lambda hit: (hit['needle'], hit['path'], hit['encoding'])),
        'places_hit': len(search.hits), 'skipped': search.skipped, 'places_skipped': search.counts['skipped'],
    }  # fmt: skip


def run(question: str) -> None:
    """Given a question as JSON, print the answer as JSON."""
    be_humble()
    json.dump(main(json.loads(question)), sys.stdout)
