"""Opens containers: what their kind is, and their content. Part of what runs on a host: standard library only."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any

OPENED_LIMIT_BYTES = 4 << 30
SNAPSHOT_LIMIT_BYTES = 256 << 20
MAGIC = (
    (b'\x1f\x8b\x08', 'gzip'), (b'BZh', 'bzip2'), (b'\xfd7zXZ\x00', 'xz'), (b'\x28\xb5\x2f\xfd', 'zstd'),
    (b'\x04\x22\x4d\x18', 'lz4'), (b'PK\x03\x04', 'zip'), (b'LPKSHHRH', 'journal'), (b'REDIS0', 'snapshot'),
    (b'VALKEY', 'snapshot'), (b'7z\xbc\xaf\x27\x1c', '7z'), (b'Rar!\x1a\x07', 'rar'),
)  # fmt: skip
PROGRAMS = {'zstd': ['zstd', '-dcq'], 'lz4': ['lz4', '-dcq']}
OPENED_HERE = ('gzip', 'bzip2', 'xz', 'zip', 'snapshot')


class NotSearched(Exception):
    """Something could not be searched: the reason."""


def inflated(opened: io.FileIO, kind: str) -> Iterator[bytes]:
    """Given a compressed file, yield its content. Raise what the module of its kind raises; EOFError if it is cut."""
    if kind == 'gzip':
        new: Callable[[], Any] = lambda: zlib.decompressobj(31)  # noqa: E731 - as the classes beside it
    else:
        new = bz2.BZ2Decompressor if kind == 'bzip2' else lzma.LZMADecompressor
    inflater, fed = new(), b''
    while True:
        fed = fed or opened.read(1 << 16)
        if not fed:
            raise EOFError('cut off')
        yield inflater.decompress(fed) or b''
        fed = b''
        if inflater.eof:
            fed = inflater.unused_data or opened.read(1 << 16)
            fed = fed.lstrip(b'\0')
            if not fed:
                return
            inflater = new()


def limited(parts: Iterator[bytes]) -> Callable[[int], bytes]:
    """Given parts of a content, return what reads it. Raise NotSearched when it is longer than anything honest."""
    total = 0

    def read(count: int) -> bytes:
        nonlocal total
        for part in parts:
            total += len(part)
            if total > OPENED_LIMIT_BYTES:
                raise NotSearched(f'opens to more than {OPENED_LIMIT_BYTES >> 30} GiB')
            if part:
                return part
        return b''

    return read


def unpacked(opened: io.FileIO) -> Iterator[bytes]:
    """Given a snapshot of Valkey or Redis, yield each string that it holds compressed. Raise NotSearched if too large.

    Every byte that may begin one is tried: so no version of the format has to be known.
    """
    content = opened.read(SNAPSHOT_LIMIT_BYTES + 1)
    if len(content) > SNAPSHOT_LIMIT_BYTES:
        raise NotSearched(f'a snapshot of more than {SNAPSHOT_LIMIT_BYTES >> 20} MiB')
    place = content.find(b'\xc3')
    while place >= 0:
        try:
            packed_bytes, start = length_at(content, place + 1)
            plain_bytes, start = length_at(content, start)
            if 0 < packed_bytes <= len(content) - start and packed_bytes < plain_bytes <= 300 * packed_bytes:
                # A zero byte, so that two strings never make a word.
                yield unpacked_lzf(content[start : start + packed_bytes], plain_bytes) + b'\0'
        except (IndexError, ValueError):
            pass
        place = content.find(b'\xc3', place + 1)


def length_at(content: bytes, place: int) -> tuple[int, int]:
    """Given a snapshot and a place, return the length that stands there and the place behind it.

    Raise ValueError or IndexError if it is none.
    """
    first = content[place]
    if first < 0x40:
        return first, place + 1
    if first < 0x80:
        return (first & 0x3F) << 8 | content[place + 1], place + 2
    width = {0x80: 4, 0x81: 8}.get(first, 0)
    if not width:
        raise ValueError('no length')
    return int.from_bytes(content[place + 1 : place + 1 + width], 'big'), place + 1 + width


def unpacked_lzf(packed: bytes, length: int) -> bytes:
    """Given what LZF packed and how long it was before, return that. Raise ValueError or IndexError if it is none."""
    plain, place = bytearray(), 0
    while place < len(packed):
        control = packed[place]
        place += 1
        if control < 32:
            plain += packed[place : place + control + 1]
            place += control + 1
        else:
            count = control >> 5
            if count == 7:
                count += packed[place]
                place += 1
            start = len(plain) - ((control & 0x1F) << 8) - packed[place] - 1
            place += 1
            if start < 0:
                raise ValueError('no LZF')
            for offset in range(count + 2):
                plain.append(plain[start + offset])
        if len(plain) > length:
            raise ValueError('no LZF')
    if len(plain) != length:
        raise ValueError('no LZF')
    return bytes(plain)
