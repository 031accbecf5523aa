"""Pinned files: from the cache, else from the mirror, else from the publisher; verified, or an error."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from seqlab.core.atomic import atomic_file
from seqlab.core.errors import SeqlabError
from seqlab.corpus.fetching.archive import ArchiveError, open_gzip
from seqlab.corpus.fetching.mirror import VARIABLE, mirror_location
from seqlab.corpus.fetching.pin import Pin, WrongBytesError, copy_verified, is_intact, wrong_bytes
from seqlab.corpus.fetching.transfer import AbsentError, Limits, SizeError, UnreachableError, fetch, shown
from seqlab.system.terminal import say


def download(pin: Pin, cache: Path, limits: Limits | None = None) -> Path:
    """Return the path, below `cache`, of a file with the pinned bytes; get it first if it is not there.

    An interrupted transfer is continued by the next call. Several processes may call this at once.

    Raises:
        SeqlabError: the file cannot be had, or has the wrong content; then nothing is left under its name.
    """
    limits = limits or Limits()
    path = cache / pin.path
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Another process may be fetching the same file: wait for it, at most as long as both of its sources may take.
        with FileLock(f"{path}.lock", timeout=2 * limits.total):
            if not is_intact(path, pin):
                _obtain(pin, path, limits)
    except Timeout:
        raise SeqlabError(f"another process has been downloading {path} for too long; end it and try again") from None
    return path


def _obtain(pin: Pin, path: Path, limits: Limits) -> None:
    if path.exists():
        path.unlink()
        say(f"{path} was damaged; getting it again", err=True)
    mirror = mirror_location()
    if mirror is not None:
        try:
            _from_mirror(mirror, pin, path, limits)
            return
        except (AbsentError, UnreachableError) as error:
            say(f"{VARIABLE}: {error}; downloading {pin.url}", err=True)
    try:
        _from_url(pin.url, pin, path, gzipped=False, limits=limits)
    except (AbsentError, UnreachableError) as error:
        raise SeqlabError(
            f"cannot download {pin.path}: {error}.\n"
            f"Check the network, or set {VARIABLE} to a folder or base URL that holds {pin.mirror_path}."
        ) from None


def _from_mirror(mirror: str | Path, pin: Pin, path: Path, limits: Limits) -> None:
    if isinstance(mirror, str):
        _from_url(f"{mirror}/{pin.mirror_path}", pin, path, gzipped=pin.gzipped_in_mirror, limits=limits)
        return
    source = mirror / pin.mirror_path
    if not source.is_file():
        raise AbsentError(f"no file {source}")
    _store(source, pin, path, place=str(source), gzipped=pin.gzipped_in_mirror)


def _from_url(url: str, pin: Pin, path: Path, *, gzipped: bool, limits: Limits) -> None:
    partial = path.with_name(f"{path.name}{'.gz' if gzipped else ''}.part")
    continued = partial.exists()
    try:
        _fetch_and_store(url, partial, pin, path, gzipped=gzipped, limits=limits)
    except WrongBytesError:
        if not continued:
            raise
        # What an earlier run left may be to blame: once more, from the beginning.
        _fetch_and_store(url, partial, pin, path, gzipped=gzipped, limits=limits)


def _fetch_and_store(url: str, partial: Path, pin: Pin, path: Path, *, gzipped: bool, limits: Limits) -> None:
    # Deflate can make incompressible bytes longer, by far less than this.
    most = pin.size + pin.size // 100 + 1024 if gzipped else pin.size
    try:
        fetch(url, partial, size=None if gzipped else pin.size, most=most, limits=limits)
        _store(partial, pin, path, place=shown(url), gzipped=gzipped)
    except SizeError as error:
        partial.unlink(missing_ok=True)
        raise wrong_bytes(pin, shown(url), str(error)) from None
    except WrongBytesError:
        partial.unlink()
        raise
    partial.unlink()


def _store(source: Path, pin: Pin, path: Path, *, place: str, gzipped: bool) -> None:
    """Copy the content of `source` to `path` if it is the pinned one."""
    try:
        with _opened(source, gzipped) as stream, atomic_file(path, binary=True) as destination:
            copy_verified(stream, destination, pin, place)
    except ArchiveError as error:
        raise wrong_bytes(pin, place, str(error)) from None
    except OSError as error:
        raise SeqlabError(f"cannot copy {source} to {path}: {error.strerror}") from None


def _opened(path: Path, gzipped: bool) -> AbstractContextManager[BinaryIO]:
    return open_gzip(path) if gzipped else open(path, "rb")
