import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from seqlab.pages.markdown import MAX_CHARACTERS, code, literal, sentences
from seqlab.pages.visible import visible
from seqlab.reporting.markdown import render_summary
from seqlab.reporting.report_view import gather
from tests.reporting import run

HOSTILE = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a | b \\| c", "`code` ``two`` *bold* _it_ __b__",
    "[link](javascript:alert(1)) ![x](http://x/y.png)", "&lt;b&gt; &amp; &#60;", "# not a heading", "- not a list",
    "$x^2$ ~~gone~~ :) https://a.b www.c.d", "\\", "a\\", "|", "```", "line\nline", "\u202edlrow", "[^1]: note", "_z_",
    "x_y_z", "@octocat", "&#64;octocat &commat;octocat", "owner/name#12 #12 GH-12", "a@b.c", "http://a.b www.a.b",
    "&num;12 &#35;12",
)  # fmt: skip
# As GitHub finds them in the text of what it has rendered: a mention, a reference, an address.
CALLS = re.compile(r"(?<!\w)@\w|#\d|\bGH-\d|\w@\w|://|www\.", re.IGNORECASE)


class Text(HTMLParser):
    """Collects the text and the tags of rendered Markdown."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 (the signature of HTMLParser)
        self.tags.add(tag)
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def cell(markdown: str) -> Text:
    """The rendered cell of a table that holds `markdown`."""
    return Text(MarkdownIt("gfm-like", {"linkify": False}).render(f"| a | b |\n| --- | --- |\n| {markdown} | end |\n"))


def squeezed(text: str) -> str:
    """Without what keeps GitHub from calling somebody, which no visible text has."""
    return " ".join(text.replace("\u200b", "").split())


@settings(deadline=None)
@given(
    st.one_of(
        st.sampled_from(HOSTILE), st.text(st.sampled_from("ab _*`|\\<>&[]()!~$#-:\n\t.@1/w"), max_size=30), st.text()
    )
)
def test_any_text_renders_as_itself(text: str) -> None:
    rendered = cell(literal(text))
    assert rendered.tags == {"table", "thead", "tr", "th", "tbody", "td"}
    assert len(rendered.cells) == 2
    assert squeezed(rendered.cells[0]) == squeezed(visible(text))
    assert not CALLS.search(rendered.cells[0])


@settings(deadline=None)
@given(st.one_of(st.sampled_from(HOSTILE), st.text(st.sampled_from("ab1 .|`\\[]:,-"), min_size=1, max_size=12)))
def test_code_renders_as_itself(text: str) -> None:
    rendered = cell(code(text))
    assert len(rendered.cells) == 2
    assert squeezed(rendered.cells[0]) == squeezed(visible(text))


def test_sentences_side_by_side() -> None:
    assert sentences(["a|b", "", "*c*"]) == "a&#124;b / *empty* / &#42;c&#42;"


def test_code_spans_where_they_are_safe() -> None:
    assert code("train.learning_rate") == "`train.learning_rate`"
    assert code("nrefs:1|tok:13a") == "`nrefs:1\\|tok:13a`"
    assert code("a`b") == "a&#96;b"
    assert code("a\u3164b") == "a⟨U+3164⟩b"


def test_long_text_is_clipped_with_a_notice() -> None:
    assert literal("x" * 1_000_000) == "x" * MAX_CHARACTERS + " … (999,600 more characters left out)"


def hostile_summary(root: Path, texts: Sequence[str]) -> Text:
    translations = [run.translation(number) for number in range(2 * len(texts))]
    for record, text in zip(translations[::2], texts, strict=True):
        record |= {"source": text, "references": [text, text], "translation": text}
    run.write_run(root, translations=translations)
    manifest = run.manifest() | {"licence": texts[0], "citation": texts[1], "notes": list(texts)}
    run.write_json(root / "data/raw/manifest.json", manifest)
    summary = render_summary(gather(run.params(), root))
    return Text(MarkdownIt("gfm-like", {"linkify": False}).render(summary))


@pytest.mark.parametrize("first", range(0, len(HOSTILE), 3))
def test_hostile_text_adds_no_markup(tmp_path: Path, first: int) -> None:
    texts = HOSTILE[first : first + 3]
    plain = hostile_summary(tmp_path / "plain", ["Bonjour."] * 3)
    hostile = hostile_summary(tmp_path / "hostile", texts)
    assert hostile.tags == plain.tags
    assert len(hostile.cells) == len(plain.cells)
    assert {squeezed(visible(text)) for text in texts} <= {squeezed(content) for content in hostile.cells}
    # Nobody is called by a report that is pasted into an issue.
    assert not [content for content in hostile.cells if CALLS.search(content)]
