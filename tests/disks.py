"""File systems of a test's own: small ones, full ones, read-only ones."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BLOCK = 4096


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Meanwhile `folder` is an empty file system of that size; skips the test where this user may not mount one."""
    with _mounted(folder, "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs"):
        yield


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Meanwhile nobody may write to `folder`; the superuser, who may do all, finds a read-only file system there."""
    if os.geteuid():
        folder.chmod(0o555)
        try:
            yield
        finally:
            folder.chmod(0o755)
        return
    with _mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield


def fill(filler: Path) -> None:
    """Make `filler` so large that not one block is left on its file system."""
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(BLOCK))
        except OSError:
            return


def give_back(filler: Path, blocks: int) -> None:
    """Shorten `filler` by some blocks."""
    os.truncate(filler, max(0, filler.stat().st_size - blocks * BLOCK))


@contextmanager
def _mounted(folder: Path, *arguments: str) -> Iterator[None]:
    command = ["mount", *arguments, str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount file systems")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
