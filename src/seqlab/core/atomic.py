"""Atomic writes: a file or folder is either complete under its name or absent."""

import glob
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

# As open() and mkdir() ask for: the umask takes from it what others may not.
FILE_MODE = 0o666
DIRECTORY_MODE = 0o777


def _temporary(path: Path) -> Path:
    """A name beside `path` that nobody has; `remove_leftovers` knows it."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open(descriptor: int, *, binary: bool) -> IO[Any]:
    if binary:
        return open(descriptor, "wb")
    return open(descriptor, "w", encoding="utf-8", newline="\n")


@contextmanager
def atomic_file(path: Path, *, binary: bool = False) -> Iterator[IO[Any]]:
    """Open a temporary file beside `path`; rename it to `path` once the block ends without an error.

    Text is UTF-8 with line feeds. On an error the temporary file is removed and `path` keeps what it held.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    # tempfile's would be nobody else's, whatever the umask says, and the umask can only be asked for by changing it.
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        with _open(descriptor, binary=binary) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it takes the place of `path` once the block ends without an error.

    On an error the temporary folder is removed and `path` keeps what it held. At the moment of replacing there is
    nothing under the name; never is there a part of a folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    temporary.mkdir(DIRECTORY_MODE)
    retired = temporary.with_name(f"{temporary.name}.old")
    try:
        yield temporary
        _sync_tree(temporary)
        with suppress(FileNotFoundError):
            # A folder cannot be renamed onto another, and deleting one takes a while.
            os.replace(path, retired)
        os.replace(temporary, path)
    except BaseException:
        _restore(retired, path)
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _sync_directory(path.parent)
    if retired.exists():
        shutil.rmtree(retired)


def _restore(retired: Path, path: Path) -> None:
    if retired.exists() and not path.exists():
        os.replace(retired, path)


def remove_leftovers(path: Path) -> None:
    """Delete what a killed process left half-written beside `path`; only where no other process is writing it."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def _sync_tree(root: Path) -> None:
    for folder, _, names in os.walk(root):
        for name in names:
            with open(Path(folder, name), "rb") as file:
                os.fsync(file.fileno())
        _sync_directory(Path(folder))


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with atomic_file(path, binary=True) as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` atomically, indented, keys in the order given; NaN and infinity are refused.

    Raises:
        ValueError: `value` holds a NaN or an infinity, which JSON does not have.
    """
    write_text(path, json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2) + "\n")
