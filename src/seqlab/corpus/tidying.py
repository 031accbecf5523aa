"""Spacing that is an accident of how published text was collected, not part of it."""

import re
from collections import Counter

TIDIED = "texts whose blanks, tabs, line breaks or invisible characters were tidied"

_BLANKS = re.compile(r"[ \t\n\r\f\v]+")
# C0 and C1 controls (other than the blanks above), soft hyphen, zero-width space, byte order mark.
_INVISIBLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b\ufeff]")


def tidy(text: str, counts: Counter[str]) -> str:
    """Make runs of ASCII whitespace one blank, and drop outer whitespace and invisible characters; count a change.

    All else is kept as published, no-break and thin spaces between words included: somebody chose them.
    """
    tidied = _BLANKS.sub(" ", _INVISIBLE.sub("", text)).strip()
    counts[TIDIED] += tidied != text
    return tidied


def tidy_lines(text: str, counts: Counter[str]) -> str:
    """Tidy each line of a text in which line breaks mean something; empty lines are dropped."""
    tidied = "\n".join(filter(None, (tidy(line, Counter()) for line in text.split("\n"))))
    counts[TIDIED] += tidied != text
    return tidied
