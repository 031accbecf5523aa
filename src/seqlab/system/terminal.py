"""The one way to a terminal: text of runs, tags and files is shown, and commands nothing.

A terminal obeys what it is sent: an escape sequence (ECMA-48) in a run's name sets its title, fills the clipboard, or
clears the screen with what stood there.
"""

import re

import click

from seqlab.system.addresses import stripped

# Controls but tab and line end; then what reorders or hides: bidirectional controls, invisible operators, separators of
# lines and paragraphs, tags; lone surrogates, which no terminal's encoding has. Joiners (U+200C, U+200D) are spelling.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def plain(text: str) -> str:
    r"""Return `text` with each control character written as Python would, such as `\x1b`; tab and line end are kept."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def say(message: object, *, err: bool = False) -> None:
    """Print a message for people, made `plain` and without passwords, to standard output or (`err`) standard error."""
    click.echo(plain(stripped(str(message))), err=err)
