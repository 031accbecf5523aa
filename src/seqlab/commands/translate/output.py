"""Where translations go: a file that is whole or not there, or standard output."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from seqlab.core.atomic import atomic_file
from seqlab.core.errors import SeqlabError
from seqlab.system.output_file import replaced
from seqlab.system.terminal import output_errors, plain


@contextmanager
def open_output(path: Path | None) -> Iterator[Callable[[str], object]]:
    """Yield what writes a line, to `path` or to standard output: UTF-8, ended by a line feed.

    A file has its name once all is written; until then, and after an error, what it held is kept.

    Raises:
        SeqlabError: the file cannot be written.
    """
    if path is None:
        yield _say
        return
    try:
        with atomic_file(replaced(path)) as file:
            yield lambda line: file.write(f"{line}\n")
    except OSError as error:
        raise SeqlabError(f"cannot write {path}: {error.strerror or error}") from None


def _say(line: str) -> None:
    # A pipe gets what the model wrote; a terminal would obey it.
    shown = plain(line) if sys.stdout.isatty() else line
    with output_errors():
        click.echo(shown.encode("utf-8"))
