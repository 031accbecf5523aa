"""The HTML page: one file, no script, no network."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from seqlab.reporting.attention import attention_table, spread
from seqlab.reporting.view import View
from seqlab.reporting.visible import clip, visible
from seqlab.reporting.wording import figure

TEMPLATES = Path(__file__).parent / "templates"
# A text longer than this is cut, and the page says so.
MAX_CHARACTERS = 2000
MAX_REFERENCES = 5
# Of a reference, this much is searched for the words of a translation that is cut at MAX_CHARACTERS.
SEARCHED_CHARACTERS = 10 * MAX_CHARACTERS
_EMPTY = Markup('<span class="notice">(empty)</span>')
_LINK = re.compile(r"https?://[^\s]+")
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


def render_page(view: View) -> str:
    """Return the page; every text from a file is escaped, isolated and clipped."""
    environment = page_environment(TEMPLATES)
    style = Markup((TEMPLATES / "report.css").read_text("utf-8"))  # noqa: S704 (our own style sheet)
    maps = [attention_table(item) for item in spread(view.results.attention, view.params.report.attention_maps)]
    return environment.get_template("report.html").render(
        view=view, style=style, charts=_charts(view), maps=maps, max_references=MAX_REFERENCES
    )


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
    environment.filters.update(figure=figure, text=text, lines=lines, link=link, signature=signature, against=against)
    return environment


def _charts(view: View) -> dict[str, Markup]:
    # Matplotlib takes as long to import as the rest; pages of attention maps and of comparisons draw none of these.
    from seqlab.reporting.charts import bleu_chart, exposure_chart, length_chart, loss_chart, step_chart

    epochs, steps = view.results.epochs, view.results.steps
    charts = {
        "loss": loss_chart(epochs, steps),
        "bleu": bleu_chart(epochs, view.results.training.best.epoch),
        "rate": step_chart("rate", "Learning rate", epochs, steps, "learning_rate"),
        "ratio": step_chart("ratio", "Teacher forcing ratio", epochs, steps, "teacher_forcing_ratio"),
        "norm": step_chart("norm", "Gradient norm", epochs, steps, "gradient_norm"),
    }
    if view.exposure:
        charts["exposure"] = exposure_chart(view.exposure)
    if any(bucket.bleu is not None for bucket in view.buckets):
        charts["length"] = length_chart(view.buckets)
    return charts


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
