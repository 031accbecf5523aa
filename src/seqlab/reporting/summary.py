"""The Markdown summary, as GitHub renders it."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from seqlab.reporting.page import MAX_REFERENCES, TEMPLATES
from seqlab.reporting.results import LengthBucket
from seqlab.reporting.view import View
from seqlab.reporting.visible import clip, visible
from seqlab.reporting.wording import figure

MAX_CHARACTERS = 400
# Sentences of each kind: the page shows them all.
MAX_SAMPLES = 5
_BAR_WIDTH = 20
# Whatever could begin or end markup, an HTML tag, an entity, mathematics or a table cell on GitHub.
_SPECIAL = r"[\\`*\[\]<>&|~$]|(?<![^\W_])_|_(?![^\W_])"
# What GitHub makes a link of, or calls somebody by, and looks for in the text that entities have become.
_CALL = r"@|#(?=\w)|(?<=\bGH)-(?=\d)|:(?=//)|(?<=www)(?=\.)"
_ESCAPED = re.compile(f"(?P<special>{_SPECIAL})|{_CALL}", re.IGNORECASE)
# Stands in no text that is made visible before.
_BREAK = "\u200b"
_PLAIN = re.compile(r"[\w.:/+=,|\- ]+|\[[\d, ]*\]")


class Markdown(str):
    """Markdown of our own making, which is not escaped again."""

    __slots__ = ()


def render_summary(view: View) -> str:
    """Return the summary; every text from a file is one line in which no character has a meaning to Markdown."""
    environment = markdown_environment(TEMPLATES)
    environment.filters.update(figure=figure, code=code, sentences=sentences)
    bars = _bars(view.buckets)
    return environment.get_template("report.md").render(
        view=view, bars=bars, max_samples=MAX_SAMPLES, max_references=MAX_REFERENCES
    )


def markdown_environment(templates: Path) -> Environment:
    """The Markdown templates of a folder: every value that they show is escaped by `literal`."""
    return Environment(
        loader=FileSystemLoader(templates),
        autoescape=False,  # noqa: S701 (not HTML; `finalize` escapes every value for Markdown)
        finalize=literal,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def code(value: str) -> Markdown:
    """`value` as a code span of a table cell where nothing in it can end one, else as `literal` text."""
    return Markdown("`{}`".format(value.replace("|", "\\|")) if _PLAIN.fullmatch(value) else literal(value))


def sentences(values: list[str]) -> Markdown:
    """Texts of a corpus, or of the model, side by side."""
    return Markdown(" / ".join(literal(value) or "*empty*" for value in values))


def literal(value: Any) -> str:
    """`value` as Markdown that renders as itself: clipped, controls visible, special characters as entities.

    A character reference never opens or closes Markdown structure (CommonMark, section 2.5), nor ends a table cell.
    But it does not keep GitHub from mentions, references and addresses: a zero-width space does.
    """
    if isinstance(value, Markdown):
        return value
    shown, left_out = clip(str(value), MAX_CHARACTERS)
    escaped = _ESCAPED.sub(_escaped, visible(shown))
    return f"{escaped} … ({left_out:,} more characters left out)" if left_out else escaped


def _escaped(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};" if match["special"] else match[0] + _BREAK


def _bars(buckets: list[LengthBucket]) -> list[str]:
    highest = max((bucket.bleu or 0.0 for bucket in buckets), default=0.0) or 1.0
    return ["█" * round(_BAR_WIDTH * (bucket.bleu or 0.0) / highest) for bucket in buckets]
