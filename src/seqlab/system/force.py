"""Whether DVC was told to run stages whatever their state: it does not tell them."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from seqlab.system.dvc_library import has_force


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
    return place is not None and has_force(command[place + 1 :])
