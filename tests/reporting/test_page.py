import json
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqlab.core.errors import SeqlabError
from seqlab.pages.html import MAX_CHARACTERS, MAX_REFERENCES, against, lines, link, text
from seqlab.pages.visible import visible
from seqlab.reporting.report import write_report
from tests.reporting import run

HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", "</style></title></bdi>",
    "{{ 7 * 7 }} {% raw %}", "<!-- -->]]>", "&lt;already&gt;", "javascript:alert(1)", "\u202edlrow\u2066", "a\x00b\x1b",
)  # fmt: skip


class Page(HTMLParser):
    """Collects elements, attributes and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(str(html))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def tags(self) -> list[str]:
        return sorted(tag for tag, _ in self.elements if tag != "u")


def page_of(root: Path, **changes: Mapping[str, Any]) -> str:
    write_report(run.params(**changes), root)
    return (root / "reports/report.html").read_text("utf-8")


def hostile_page(root: Path, hostile: str) -> str:
    """The page of a run in which every text that comes from a corpus is `hostile`."""
    translations = [run.translation(number) for number in range(4)]
    hypothesis = {"translation": hostile, "score": -1.0}
    for record in translations:
        record |= {"source": hostile, "references": [hostile], "translation": hostile, "n_best": [hypothesis] * 2}
    run.write_run(root, translations=translations)
    manifest = run.manifest() | dict.fromkeys(("corpus", "source", "target", "task", "licence", "citation"), hostile)
    manifest["notes"] = [hostile]
    manifest["origin"][0] |= {"url": hostile, "sha256": hostile}
    run.write_json(root / "data/raw/manifest.json", manifest)
    attention = {"source_tokens": [hostile] * 2, "translation_tokens": [hostile], "weights": [[0.5, 0.5]]}
    run.write_json(root / "reports/attention.json", [attention])
    return page_of(root, corpus={"name": "files", "files": FILES | {"train": [hostile]}})


# Tokens of attention maps are clipped, and params.yaml escapes control characters in a way of its own.
NOT_AS_IT_IS = 3 + 4
FILES = {"train": [], "valid": [], "test": [], "seed": 1, "valid_size": 1, "test_size": 1}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(hostile_page(tmp_path_factory.mktemp("plain"), "Bonjour."))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_stays_text(tmp_path: Path, plain: Page, hostile: str) -> None:
    page = Page(hostile_page(tmp_path / "hostile", hostile))
    assert page.tags == plain.tags
    assert page.text.count(visible(hostile)) >= plain.text.count("Bonjour.") - NOT_AS_IT_IS
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_a_text_is_isolated_and_shown_as_it_is(value: str) -> None:
    page = Page(text(value))
    assert page.elements == [("bdi", {})]
    assert page.text == visible(value, "↵\n")


@settings(deadline=None)
@given(st.text(min_size=1, max_size=40), st.lists(st.text(max_size=20), max_size=2))
def test_marking_words_changes_no_text(value: str, references: list[str]) -> None:
    page = Page(against(value, references))
    assert page.text == visible(value, "↵\n")
    assert {tag for tag, _ in page.elements} <= {"bdi", "u"}


def test_words_of_no_reference_are_underlined() -> None:
    marked = against("Le chat gris dort, et mange.", ["Le chat dort.", "Il mange, et dort."])
    assert marked == "<bdi>Le chat <u>gris</u> dort, et mange.</bdi>"


def test_long_text_is_clipped_with_a_notice() -> None:
    for shown in (text("x" * 1_000_000), against("x" * 1_000_000, ["y"])):
        assert len(shown) < MAX_CHARACTERS + 100
        assert "998,000 more characters left out" in shown


def test_an_empty_text_is_seen_to_be_empty() -> None:
    assert Page(text("")).text == Page(against("", ["Oui."])).text == "(empty)"


def test_only_web_addresses_become_links() -> None:
    assert link("https://example.org/a?b=1&c").startswith('<a href="https://example.org/a?b=1&amp;c"')
    assert Page(link("javascript:alert(1)")).elements == [("bdi", {})]
    assert Page(link('https://x" onclick="y')).elements == [("bdi", {})]


def test_lines_can_be_copied() -> None:
    assert Page(lines("a: 1\nb: '<'\n")).text == "a: 1\nb: '<'\n"


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    page = Page(page_of(run.write_run(tmp_path)))
    assert not {"script", "iframe", "object", "embed", "img", "form", "base"} & set(page.tags)
    loads = [
        attributes.get("src") or attributes.get("href") for tag, attributes in page.elements if tag not in ("a", "use")
    ]
    assert [address for address in loads if address] == ["data:,"]
    assert "url(http" not in page.text
    assert "@import" not in page.text
    policy = [attributes["content"] for tag, attributes in page.elements if "http-equiv" in attributes]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_every_link_within_the_page_leads_somewhere_and_ids_are_unique(tmp_path: Path) -> None:
    run.write_run(tmp_path)
    run.write_json(tmp_path / "reports/attention.json", [run.attention(0)])
    page = Page(page_of(tmp_path))
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    targets = {attributes["href"] for tag, attributes in page.elements if tag in ("a", "use")}
    assert {f"#{name}" for name in identifiers} >= {target for target in targets if target and target[0] == "#"}
    labels = {attributes["aria-labelledby"] for _, attributes in page.elements if "aria-labelledby" in attributes}
    assert labels <= set(identifiers)


def test_what_a_reader_looks_for(tmp_path: Path) -> None:
    run.write_run(tmp_path)
    run.write_json(tmp_path / "reports/attention.json", [run.attention(number) for number in range(6)])
    page = Page(page_of(tmp_path, report={"attention_maps": 2}))
    for shown in (
        "GRU, hidden size 128, dot attention", "43.2", "41.0–45.4", "smooth:exp|version:2.6.0", "4.32", "21.3 %",
        "BLEU falls from 62.0 on sources of 6–10 words", "412,345 weights", "teacher_forcing_ratio: 0.5",
        "generated by seqlab; no restriction", "https://example.org/corpus.tar.gz", "checkpoint of epoch 7 of 8",
        run.sentence(0, 0), "per token, under teacher forcing",
    ):  # fmt: skip
        assert shown in page.text, shown
    assert len([tag for tag, attributes in page.elements if attributes.get("class") == "attention"]) == 2
    assert page.tags.count("svg") == 7


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ("average", "mean of the checkpoints of epochs 7, 5 and 8 of 8"),
        ("ensemble", "ensemble of the checkpoints of epochs 7, 5 and 8 of 8"),
    ],
)
def test_whose_parameters_translated(parameters: str, words: str, tmp_path: Path) -> None:
    run.write_run(tmp_path)
    path = tmp_path / "reports/training.json"
    changes: dict[str, Any] = {"train": {"keep_checkpoints": 3}, "evaluate": {"parameters": parameters}}
    with pytest.raises(SeqlabError, match=r"training\.json names no epochs whose parameters are kept"):
        page_of(tmp_path, **changes)
    run.write_json(path, json.loads(path.read_text("utf-8")) | {"kept": [7, 5, 8]})
    assert f"by the {words}" in Page(page_of(tmp_path, **changes)).text
    assert f", {words}." in (tmp_path / "reports/report.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (["seed2"], "together with the model of another run (seed2), each run counting the same"),
        (["a/1", "a/<b>", "a/3"], "together with the models of 3 other runs (a/1, a/<b> and a/3), each run"),
    ],
)
def test_whose_models_translated(members: list[str], words: str, tmp_path: Path) -> None:
    run.write_run(tmp_path)
    scores = run.scores(60) | {"ensemble_with": [{"origin": each, "sha256": "ab" * 32} for each in members]}
    run.write_json(tmp_path / "reports/scores.json", scores)
    assert words in Page(page_of(tmp_path)).text
    assert f"together with the model{'s' * (len(members) > 1)} of" in (tmp_path / "reports/report.md").read_text(
        "utf-8"
    )


def test_what_training_started_from(tmp_path: Path) -> None:
    run.write_run(tmp_path)
    training = json.loads((tmp_path / "reports/training.json").read_text("utf-8"))
    valid = {"loss": 3.21, "perplexity": 24.8, "bleu": 12.3, "exact_match": 1.0}
    start = {"origin": "base", "run": "tf0.50-h8-gru-s1-0123ab", "sha256": "ab" * 32, "valid": valid}
    words = "parameters of base, the model of run tf0.50-h8-gru-s1-0123ab: validation loss 3.210 and BLEU 12.3 before"
    assert words not in Page(page_of(tmp_path)).text
    run.write_json(tmp_path / "reports/training.json", training | {"started_from": start})
    assert words in Page(page_of(tmp_path)).text
    assert words in (tmp_path / "reports/report.md").read_text("utf-8")


def test_many_references(tmp_path: Path) -> None:
    record = run.translation(0) | {"references": [f"Une phrase, version {number}." for number in range(40)]}
    page = Page(page_of(run.write_run(tmp_path, translations=[record])))
    assert f"Une phrase, version {MAX_REFERENCES - 1}." in page.text
    assert f"Une phrase, version {MAX_REFERENCES}." not in page.text
    assert "and 35 more" in page.text


def test_the_words_fit_the_task(tmp_path: Path) -> None:
    run.write_run(tmp_path)
    run.write_json(tmp_path / "data/raw/manifest.json", run.manifest() | {"task": "summarisation"})
    page = page_of(tmp_path)
    assert "<dt>Summary</dt>" in page
    assert "<dt>Translation</dt>" not in page


def test_what_a_reader_must_know_stands_beside_the_scores(tmp_path: Path) -> None:
    run.write_run(tmp_path)
    assert "Mind:" not in page_of(tmp_path) + (tmp_path / "reports/report.md").read_text("utf-8")
    counted = run.manifest()
    counted["splits"]["test"]["also_in_train"] = 3
    run.write_json(tmp_path / "data/raw/manifest.json", counted)
    run.write_json(tmp_path / "reports/scores.json", run.scores(60) | {"notes": ["TER <b>counts</b> otherwise"]})
    page = Page(page_of(tmp_path)).text.split("BLEU by source length")[0]
    summary = (tmp_path / "reports/report.md").read_text("utf-8").split("## BLEU by source length")[0]
    assert "3 of 60 test examples (5.0 %) have a source text that is in the training data too" in page
    assert "**Mind:** 3 of 60 test examples (5.0 %) have" in summary
    assert "TER <b>counts</b> otherwise" in page
    assert "TER &#60;b&#62;counts" in summary


def test_lengths_in_characters_are_called_so(tmp_path: Path) -> None:
    run.write_run(tmp_path)
    run.write_csv(tmp_path / "reports/bleu_by_length.csv", [row | {"unit": "characters"} for row in run.buckets()])
    page = Page(page_of(tmp_path)).text
    assert "BLEU falls from 62.0 on sources of 6–10 characters to" in page
    assert "source length in characters" in page
    assert "| characters | sentences | BLEU |" in (tmp_path / "reports/report.md").read_text("utf-8")


def test_label_smoothing_is_mentioned_where_it_counts(tmp_path: Path) -> None:
    run.write_run(tmp_path)
    assert "label smoothing" not in Page(page_of(tmp_path)).text.split("Parameters")[1]
    assert "includes label smoothing" in Page(page_of(tmp_path, train={"label_smoothing": 0.1})).text
