"""A published file, pinned: where it is, and what its bytes must be."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from seqlab.core.errors import SeqlabError

CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Pin:
    """A file at a fixed URL.

    Attributes:
        path: Name below the cache and below a mirror, such as `multi30k/train.en.gz`.
        url: Where the publisher serves it, fixed to a commit.
        sha256: Of the bytes at `url`, in hexadecimal.
        size: Of the bytes at `url`.
        gzipped_in_mirror: A mirror keeps it as `path` + `.gz`; its decompressed bytes are those at `url`.
    """

    path: str
    url: str
    sha256: str
    size: int
    gzipped_in_mirror: bool = False

    @property
    def mirror_path(self) -> str:
        """Name below a mirror."""
        return f"{self.path}.gz" if self.gzipped_in_mirror else self.path

    def origin(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {"url": self.url, "sha256": self.sha256, "bytes": self.size}


class WrongBytesError(SeqlabError):
    """A file has other bytes than its pin says."""


def wrong_bytes(pin: Pin, place: str, found: str) -> WrongBytesError:
    """The error for a file at `place` in which `found` was found."""
    return WrongBytesError(
        f"{pin.path} from {place} has the wrong content and was not kept.\n"
        f"  expected: {pin.size} bytes, sha256 {pin.sha256}\n"
        f"  found:    {found}\n"
        "Try again; if it stays so, the copy there is damaged or was replaced: take it from another place by "
        "setting SEQLAB_CORPUS_MIRROR to a folder or base URL that holds the expected file."
    )


def copy_verified(source: IO[bytes], destination: IO[bytes], pin: Pin, place: str) -> None:
    """Copy the content of a pinned file; at most one chunk more than its size is ever read.

    Raises:
        WrongBytesError: the content is not the pinned one. Some of it may have been written by then.
    """
    digest, count = hashlib.sha256(), 0
    while chunk := source.read(CHUNK_BYTES):
        count += len(chunk)
        if count > pin.size:
            raise wrong_bytes(pin, place, f"more than {pin.size} bytes")
        digest.update(chunk)
        destination.write(chunk)
    if digest.hexdigest() != pin.sha256:
        raise wrong_bytes(pin, place, f"{count} bytes, sha256 {digest.hexdigest()}")


def is_intact(path: Path, pin: Pin) -> bool:
    """Whether `path` holds the pinned bytes."""
    if not path.is_file() or path.stat().st_size != pin.size:
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == pin.sha256
