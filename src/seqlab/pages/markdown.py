"""Markdown as GitHub renders it, in which no text of a file has a meaning."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from seqlab.pages.visible import clip, visible
from seqlab.pages.wording import figure, shown

MAX_CHARACTERS = 400
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


def markdown_environment(templates: Path) -> Environment:
    """The Markdown templates of a folder: every value that they show is escaped by `literal`."""
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=False,  # noqa: S701 (not HTML; `finalize` escapes every value for Markdown)
        finalize=literal,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(figure=figure, shown=shown, code=code, sentences=sentences)
    return environment


def code(value: str, *, in_cell: bool = True) -> Markdown:
    """`value` as a code span, of a table cell or elsewhere, where nothing in it can end one, else as `literal` text."""
    # Unicode counts some of what nobody sees among the letters.
    is_plain = _PLAIN.fullmatch(value) is not None and visible(value) == value
    # Outside a table the backslash would be shown.
    shown = value.replace("|", "\\|") if in_cell else value
    return Markdown(f"`{shown}`" if is_plain else literal(value))


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
