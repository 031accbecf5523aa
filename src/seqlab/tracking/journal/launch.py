"""Starts the publisher: a process of its own, which outlives the stage and cannot hold it up."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from seqlab.core.errors import SeqlabError
from seqlab.tracking.home import Home

# `off`: publish only when asked, by `seqlab sync`.
SWITCH = "SEQLAB_PUBLISHER"
SETTINGS = ("on", "off")
LONGEST_LOG = 1 << 20
LOG_MODE = 0o600


def check_switch() -> None:
    """Refuse a switch that says neither.

    Raises:
        SeqlabError: SEQLAB_PUBLISHER is neither on nor off.
    """
    value = os.environ.get(SWITCH, "")
    if value.lower() not in ("", *SETTINGS):
        raise SeqlabError(f"{SWITCH}={value}: write on (the default) or off, which leaves publishing to `seqlab sync`")


def launch_publisher(home: Home) -> None:
    """Start a publisher for `home`, detached; where one is at work already, the new one leaves it to it."""
    if os.environ.get(SWITCH, "").lower() == "off":
        return
    home.folder.mkdir(parents=True, exist_ok=True)
    with _open_log(home.publisher_log) as log:
        subprocess.Popen(
            [sys.executable, "-m", "seqlab.tracking.publishing.publisher", str(home.root)],
            cwd=home.root,
            env=_environment(home),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


@contextmanager
def _open_log(path: Path) -> Iterator[IO[bytes]]:
    """The log, for its owner's eyes alone: it has other programs' words in it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (os.O_TRUNC if _is_long(path) else os.O_APPEND)
    with open(os.open(path, flags, LOG_MODE), "wb") as log:
        os.fchmod(log.fileno(), LOG_MODE)
        yield log


def _is_long(log: Path) -> bool:
    return log.exists() and log.stat().st_size > LONGEST_LOG


def _environment(home: Home) -> dict[str, str]:
    environment = dict(os.environ)
    source = home.root / "src"
    if (source / "seqlab").is_dir():
        # A temporary working copy's code vanishes with it.
        environment["PYTHONPATH"] = str(source)
    return environment
