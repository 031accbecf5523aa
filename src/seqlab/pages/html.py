"""HTML pages: one file each, no network; every text from a file is escaped, isolated and clipped."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from seqlab.pages.visible import clip, visible
from seqlab.pages.wording import figure, shown

# Templates that pages share.
TEMPLATES = Path(__file__).parent / "templates"
# A text longer than this is cut, and the page says so.
MAX_CHARACTERS = 2000
MAX_REFERENCES = 5
# Of a reference, this much is searched for the words of a translation that is cut at MAX_CHARACTERS.
SEARCHED_CHARACTERS = 10 * MAX_CHARACTERS
_EMPTY = Markup('<span class="notice">(empty)</span>')
_LINK = re.compile(r"https?://[^\s]+")
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


def page_environment(folder: Path) -> Environment:
    """Templates of `folder`, and those that pages share, with autoescape and the filters for texts of files."""
    environment = Environment(
        loader=FileSystemLoader([folder, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        figure=figure, shown=shown, text=text, lines=lines, link=link, signature=signature, against=against
    )
    return environment


def style_sheet(*more: Path) -> Markup:
    """The style sheet of all pages, and those that a page has beside it."""
    return Markup("".join(path.read_text("utf-8") for path in (TEMPLATES / "page.css", *more)))  # noqa: S704 (our own)


def text(value: str, limit: int = MAX_CHARACTERS) -> Markup:
    """A text from a file as an isolated `<bdi>`: escaped, controls made visible, clipped with a notice."""
    if not value:
        return _EMPTY
    shown, left_out = clip(value, limit)
    return Markup("<bdi>{}</bdi>{}").format(visible(shown, "↵\n"), _notice(left_out))


def against(value: str, references: list[str]) -> Markup:
    """As `text`, with the words underlined that stand in none of the references."""
    if not value:
        return _EMPTY
    shown, left_out = clip(value, MAX_CHARACTERS)
    known = {word for reference in references for word in _WORD.findall(reference[:SEARCHED_CHARACTERS])}
    parts: list[tuple[bool, str]] = []
    for word in _WORD.findall(shown):
        foreign = word not in known and not word.isspace()
        if parts and (parts[-1][0] == foreign):
            parts[-1] = (foreign, parts[-1][1] + word)
        else:
            parts.append((foreign, word))
    marked = Markup().join(
        Markup("<u>{}</u>").format(visible(part, "↵\n")) if foreign else escape(visible(part, "↵\n"))
        for foreign, part in parts
    )
    return Markup("<bdi>{}</bdi>{}").format(marked, _notice(left_out))


def lines(value: str) -> Markup:
    """A text of several lines that may be copied: as `text`, whole, and with plain line ends."""
    return Markup("<bdi>{}</bdi>").format(visible(value, "\n"))


def signature(value: str) -> Markup:
    """A sacreBLEU signature, which may be broken after each of its parts."""
    return Markup("|<wbr>").join(text(part) for part in value.split("|"))


def link(value: str) -> Markup:
    """A web address as a link, anything else as text."""
    if not _LINK.fullmatch(value):
        return text(value)
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(value, text(value))


def _notice(left_out: int) -> Markup:
    return (
        Markup(' <span class="notice">… {} more characters left out</span>').format(f"{left_out:,}")
        if left_out
        else Markup()
    )
