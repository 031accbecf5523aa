"""The one way to a terminal: text of runs, tags and files is shown, and commands nothing.

A terminal obeys what it is sent: an escape sequence (ECMA-48) in a run's name sets its title, fills the clipboard, or
clears the screen with what stood there.
"""

import errno
import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import click

from seqlab.core.errors import SeqlabError
from seqlab.system.addresses import stripped

# Controls but tab and line end; then what reorders or hides: bidirectional controls, separators of lines and of
# paragraphs, what Unicode calls ignorable by default, such as tags and fillers; lone surrogates, which no terminal's
# encoding has. Joiners and selectors of a variant are spelling (U+200C, U+200D, U+180B to U+180F but U+180E, U+FE00 to
# U+FE0F).
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def plain(text: str) -> str:
    r"""Return `text` with each control character written as Python would, such as `\x1b`; tab and line end are kept."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def one_line(text: str) -> str:
    r"""Return `text` made `plain`, line ends as `\n`: a name from somewhere else begins no line of an answer."""
    return plain(text).replace("\n", r"\n")


def say(message: object, *, err: bool = False) -> None:
    """Print a message for people, made `plain` and without passwords, to standard output or (`err`) standard error.

    Raises:
        SeqlabError: there is no room for it where standard output goes.
    """
    text = plain(stripped(str(message)))
    with output_errors():
        try:
            click.echo(text, err=err)
        except UnicodeEncodeError as error:
            # The terminal's encoding, such as Latin-1, has not all characters.
            click.echo(text.encode(error.encoding, "backslashreplace").decode(error.encoding), err=err)


def hold_standard_streams() -> None:
    """Keep the places of standard output and standard error where whoever started this process has closed them.

    Else the next file that is opened has the place, and gets what another program, or a library, says there. What is
    said on an output that is closed is an error, as `output_errors` tells it; errors that nobody hears are none.
    """
    if sys.stdout is None:
        sys.stdout = _hold(1, os.O_RDONLY)
    if sys.stderr is None:
        sys.stderr = _hold(2, os.O_WRONLY)


def _hold(place: int, flags: int) -> TextIO:
    opened = os.open(os.devnull, flags)
    if opened != place:
        os.dup2(opened, place)
        os.close(opened)
    # Without a buffer, which Python would try to empty once more as it ends.
    return io.TextIOWrapper(open(place, "wb", buffering=0, closefd=False), "utf-8", "replace", write_through=True)


@contextmanager
def output_errors() -> Iterator[None]:
    """Say of standard output that it cannot be written; that nobody reads on is click's affair.

    Raises:
        SeqlabError: it cannot.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        raise SeqlabError(f"cannot write to standard output: {error.strerror or error}") from None
