"""Whether DVC was told to run stages whatever their state: it does not tell them."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil


def is_forced() -> bool:
    """Whether a DVC that this process descends from was started with `--force`.

    A worker of DVC's queue is not the process that was.
    """
    return any(map(_forces, _command_lines()))


def _command_lines() -> Iterator[list[str]]:
    for process in psutil.Process().parents():
        with suppress(psutil.Error):
            yield process.cmdline()


def _forces(command: Sequence[str]) -> bool:
    """Whether a command line is one of DVC, and has the option."""
    # `dvc …`, `python …/dvc …`, `python -m dvc …`: the program is among the first words.
    place = next((place for place, word in enumerate(command[:4]) if Path(word).name == "dvc"), None)
    if place is None:
        return False
    from dvc.cli import DvcParserError
    from dvc.cli.parser import get_main_parser

    # Its own parser knows which of several letters behind one dash are options. It may be of another version.
    with suppress(SystemExit, DvcParserError):
        return bool(getattr(get_main_parser().parse_args(list(command[place + 1 :])), "force", False))
    return False
