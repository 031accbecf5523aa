"""Streams out of gzip files and zip archives.

Nothing is ever unpacked to disk, and only the named member is read, so no name in an archive (`..`, absolute paths,
links, AppleDouble files) can matter. A limit on the decompressed size stops archive bombs.
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

from seqlab.errors import SeqlabError

# Five times the largest member of a corpus we know (DialogSum's training text, 12 MB).
MEMBER_LIMIT = 64 * 2**20

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
        ArchiveError: it is no zip archive or has no such member; while reading: it is damaged or holds more than
            `limit` bytes.
    """
    name = f"{path.name}:{member}"
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise _damaged(path.name, error) from None
    with archive:
        try:
            stream = archive.open(member)
        except KeyError:
            raise ArchiveError(f"{path.name} has no member {member}") from None
        except _DAMAGE as error:
            raise _damaged(name, error) from None
        with stream:
            yield _limited(stream, limit, name)
