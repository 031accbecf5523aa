"""Streams out of gzip files and zip archives.

Nothing is ever unpacked to disk, and only the named member is read, so no name in an archive (`..`, absolute paths,
links, AppleDouble files) can matter. Sizes that an archive declares are not believed: what is read is counted as it
comes, and a list of members is measured before it is parsed.
"""

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from seqlab.core.errors import SeqlabError

# Five times the largest member of a corpus we know (DialogSum's training text, 12 MB).
MEMBER_LIMIT = 64 * 2**20
# The list of a zip archive's members, of which each takes 46 bytes and its name: some ten thousand. Ours have seven.
DIRECTORY_LIMIT = 2**20
# Of these, zipfile expands no more than it is asked for; of bzip2 and LZMA a whole block, gigabytes out of 500 bytes.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# The record at the end of a zip archive: its signature, its size without a comment, and where it says how many bytes
# the list of members has (APPNOTE.TXT, 4.3.16).
_END, _END_BYTES, _LIST_BYTES_AT = b"PK\5\6", 22, 12
# What stands before it and points to a list of more than 65,535 members (4.3.15).
_LARGE_END, _LARGE_END_BYTES = b"PK\6\7", 20
_LONGEST_COMMENT = 0xFFFF

_DAMAGE = (
    *(EOFError, OSError, RuntimeError, NotImplementedError, ValueError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile),
)


class ArchiveError(SeqlabError):
    """An archive is damaged, lacks a member, or holds too much."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Limited(io.RawIOBase):
    """A readable stream that refuses to give more than `limit` bytes, and names its file when it is damaged."""

    def __init__(self, stream: _Readable, limit: int, name: str) -> None:
        self._stream, self._left, self._limit, self._name = stream, limit, limit, name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except _DAMAGE as error:
            raise _damaged(self._name, error) from None
        self._left -= len(data)
        if self._left < 0:
            raise ArchiveError(f"{self._name} holds more than {self._limit} bytes once decompressed; it was not read")
        buffer[: len(data)] = data
        return len(data)


def _damaged(name: str, error: Exception) -> ArchiveError:
    return ArchiveError(f"{name} cannot be decompressed ({error}); delete it and get it again")


def _limited(stream: _Readable, limit: int, name: str) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(_Limited(stream, limit, name)))


@contextmanager
def open_gzip(path: Path, limit: int = MEMBER_LIMIT) -> Iterator[BinaryIO]:
    """Open the decompressed content of a gzip file, of at most `limit` bytes.

    Raises:
        ArchiveError: while reading: it is not a gzip file, is damaged or cut short, or holds more than `limit` bytes.
    """
    with gzip.open(path, "rb") as stream:
        yield _limited(stream, limit, path.name)


@contextmanager
def open_zip_member(path: Path, member: str, limit: int = MEMBER_LIMIT) -> Iterator[BinaryIO]:
    """Open one member of a zip archive, of at most `limit` bytes once decompressed.

    Raises:
        ArchiveError: it is no zip archive, has too many members, has no such member, or one that is compressed
            otherwise than by Deflate or declares another size than it can have; while reading: it is damaged or holds
            more than `limit` bytes.
    """
    name = f"{path.name}:{member}"
    _check_directory(path)
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise _damaged(path.name, error) from None
    with archive:
        try:
            _check_member(archive.getinfo(member), name)
            stream = archive.open(member)
        except KeyError:
            raise ArchiveError(f"{path.name} has no member {member}") from None
        except _DAMAGE as error:
            raise _damaged(name, error) from None
        with stream:
            yield _limited(stream, limit, name)


def _check_directory(path: Path) -> None:
    """Refuse a list of members that is too long to be parsed: zipfile keeps all of it in memory, ten times as large."""
    with open(path, "rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - _END_BYTES - _LONGEST_COMMENT - _END_BYTES))
        tail = file.read()
    # As zipfile finds it: at the very end, or before a comment.
    last = len(tail) - _END_BYTES
    at_end = last >= 0 and tail.startswith(_END, last) and tail.endswith(b"\0\0")
    place = last if at_end else tail.rfind(_END)
    if place < 0:
        return  # no zip archive, as zipfile will say
    length = int.from_bytes(tail[place + _LIST_BYTES_AT : place + _LIST_BYTES_AT + 4], "little")
    if length > DIRECTORY_LIMIT or tail.startswith(_LARGE_END, max(0, place - _LARGE_END_BYTES)):
        raise ArchiveError(f"{path.name} lists more members than any corpus has; it was not read")


def _check_member(member: zipfile.ZipInfo, name: str) -> None:
    if member.compress_type not in _METHODS:
        raise ArchiveError(f"{name} is compressed by another method than Deflate; it was not read")
    # Deflate makes nothing longer by more than this.
    if member.compress_size > member.file_size + member.file_size // 1000 + 1024:
        raise ArchiveError(
            f"{name} declares {member.file_size} bytes and takes {member.compress_size}; it was not read"
        )
