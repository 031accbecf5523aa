"""Digests of files and folders: DVC's own MD5 for what a result is made from, SHA-256 for what came out."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.tracking.fingerprint.leftovers import is_leftover


def dvc_digest(path: Path) -> str:
    """The MD5 that DVC gives a file or folder (`….dir`), as dvc.lock has it.

    Raises:
        SeqlabError: `path` is missing or cannot be read.
    """
    try:
        if not path.is_dir():
            return _file_digest(path, "md5")
        files = {file.relative_to(path).as_posix(): file for file in files_below(path)}
        return folder_digest({name: _file_digest(file, "md5") for name, file in files.items()})
    except OSError as error:
        raise SeqlabError(f"cannot read {path}: {error.strerror}; run `dvc repro` or `dvc checkout`") from None


def folder_digest(files: dict[str, str]) -> str:
    """The MD5 that DVC gives a folder whose files, by path in it, have these MD5s."""
    entries = [{"md5": files[name], "relpath": name} for name in sorted(files)]
    listing = json.dumps(entries, sort_keys=True).encode("utf-8")
    return hashlib.md5(listing, usedforsecurity=False).hexdigest() + ".dir"


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    return _file_digest(path, "sha256")


def is_below(path: str, places: Iterable[str]) -> bool:
    """Whether a path is one of these files or folders, or lies in one."""
    return any(path == place or path.startswith(f"{place}/") for place in places)


def write_tree(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files, by their paths in the folder, as they were read from a commit or an archive."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def files_below(path: Path) -> list[Path]:
    """`path` itself if it is a file, else every file below it but for leftovers, sorted."""
    if path.is_file():
        return [path]
    files = (file for file in path.rglob("*") if not is_leftover(file.relative_to(path).as_posix()))
    return sorted(file for file in files if file.is_file())


def _file_digest(path: Path, algorithm: str) -> str:
    status = path.stat()
    return _digest_once(path.resolve(), algorithm, (status.st_ino, status.st_size, status.st_mtime_ns))


@lru_cache(maxsize=1024)
def _digest_once(path: Path, algorithm: str, state: tuple[int, int, int]) -> str:  # noqa: ARG001 (a part of the key)
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
