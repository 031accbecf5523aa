import json
from pathlib import Path
from typing import Any

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.corpus import scitldr
from seqlab.corpus.build import build
from tests.corpus.samples import corpus_params, manifest_of, note, publish, splits_of


def paper(name: str, *summaries: str, **fields: Any) -> dict[str, Any]:
    """A record as published."""
    record = {"paper_id": name, "source": [f"We study {name}.", "It works."], "title": f"On {name}"}
    return record | {"target": list(summaries) or [f"{name}, studied."], "rouge_scores": [0.1]} | fields


PAPERS = {
    "train": [
        paper("cats", source=["We study\n\tcats ", "", ".\nThey (\x18~600) purr.  "], title=" On  cats"),
        paper("same abstract", source=["we study dogs", "  It works."]),
        paper("same title", title="On Dogs: again?"),
        paper("same summary", "Dogs are\nstudied!"),
        paper("mice"),
    ],
    "valid": [paper("dogs", "dogs are studied", "Dogs.\n"), paper("birds", title="On dogs - again")],
    "test": [paper("fish", "Fish\u00a0swim.", "Fish.", "A fish.", "The fish."), paper("worms", "One.", "Two.")],
}


def _publish(papers: dict[str, list[dict[str, Any]]], mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = {}
    for split, records in papers.items():
        content = "\n".join(json.dumps(record) for record in records).encode()  # no line feed at the end
        pins[split] = publish(mirror, f"scitldr-a/{split}.jsonl", content, gzipped_in_mirror=True)
    monkeypatch.setattr(scitldr, "PINS", pins)


def _build(target: str, folder: Path) -> dict[str, list[Example]]:
    build(corpus_params("scitldr", "abstract", target), folder / "raw", folder / "cache", folder)
    return splits_of(folder / "raw")


def test_abstract_to_title(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _publish(PAPERS, mirror, monkeypatch)
    splits = _build("title", tmp_path)
    assert splits["train"] == [
        Example("We study cats . They (~600) purr.", ("On cats",)),
        Example("We study mice. It works.", ("On mice",)),
    ]
    assert [example.references for example in splits["test"]] == [("On fish",), ("On worms",)]
    manifest = manifest_of(tmp_path / "raw")
    assert manifest["task"] == "headline"
    assert note(manifest, "papers of train dropped") == 3


def test_abstract_to_summary(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _publish(PAPERS, mirror, monkeypatch)
    splits = _build("summary", tmp_path)
    assert [example.references for example in splits["valid"]] == [("dogs are studied", "Dogs."), ("birds, studied.",)]
    assert splits["test"][0].references == ("Fish\u00a0swim.", "Fish.", "A fish.", "The fish.")
    assert manifest_of(tmp_path / "raw")["splits"]["test"]["references"] == 6


@pytest.mark.parametrize(("source", "target"), [("abstract", "topic"), ("summary", "title"), ("en", "fr")])
def test_sides_it_lacks(source: str, target: str, tmp_path: Path) -> None:
    message = f"scitldr has no {source} → {target}; .* abstract → title, abstract → summary"
    with pytest.raises(SeqlabError, match=message):
        build(corpus_params("scitldr", source, target), tmp_path / "raw", tmp_path / "cache", tmp_path)


@pytest.mark.parametrize("fields", [{"source": None}, {"title": 1}, {"target": [None]}])
def test_other_records_are_refused(
    fields: dict[str, Any], mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _publish({**PAPERS, "test": [paper("fish"), paper("fish", **fields)]}, mirror, monkeypatch)
    with pytest.raises(SeqlabError, match=r"test\.jsonl, line 2: not a paper"):
        _build("title", tmp_path)
