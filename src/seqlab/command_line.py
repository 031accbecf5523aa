"""What the commands of the command line share: their kinds of arguments, their errors, and their questions."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from seqlab.core.errors import SeqlabError
from seqlab.system.addresses import stripped
from seqlab.system.terminal import hold_standard_streams, plain

P = ParamSpec("P")
T = TypeVar("T")


class _Name(click.ParamType[str]):
    """What something is called. Nothing is called "", which a variable that is not set leaves behind."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return value if value.strip() else self.fail("it is empty; is a variable not set?", param, ctx)


NAME = _Name()
INPUT = click.Path(exists=True, dir_okay=False, path_type=Path)
OUTPUT = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


def errors_for_people(command: Callable[P, T]) -> Callable[P, T]:
    """Turn a SeqlabError, and what a disk refuses, into a message and exit status 1, without a traceback."""

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        hold_standard_streams()
        try:
            return command(*args, **kwargs)
        except BrokenPipeError:
            # Click ends without a word.
            raise
        except (SeqlabError, OSError) as error:
            raise click.ClickException(plain(stripped(_said(error)))) from None

    return guarded


def _said(error: SeqlabError | OSError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def agreed(question: str) -> bool:
    """Ask people a question; whether they said yes."""
    try:
        return click.confirm(plain(stripped(question)))
    except click.Abort:
        # Nobody is there to answer, or it was Ctrl-C.
        return False
