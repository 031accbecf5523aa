from collections.abc import Callable
from pathlib import Path

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.corpus import multi30k
from seqlab.corpus.build import build
from tests.corpus.samples import corpus_params, manifest_of, note, publish, splits_of, text_of

STEMS = ("train", "val", "test_2016_flickr", "test_2017_flickr")


@pytest.fixture
def corpus(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, bytes], None]:
    """A tiny Multi30k; call it to replace a file."""
    import gzip

    pins: dict[str, object] = {}

    def put(name: str, text: bytes) -> None:
        pins[name] = publish(mirror, f"multi30k/{name}.gz", gzip.compress(text, mtime=0))

    for stem in STEMS:
        for language in multi30k.LANGUAGES:
            put(f"{stem}.{language}", text_of(f"{stem} {language} 1", f"{stem} {language} 2"))
    monkeypatch.setattr(multi30k, "PINS", pins)
    return put


@pytest.mark.parametrize(("source", "target"), [("de", "en"), ("en", "fr"), ("fr", "de")])
@pytest.mark.parametrize("year", ["2016", "2017"])
def test_any_direction(
    source: str, target: str, year: str, corpus: Callable[[str, bytes], None], tmp_path: Path
) -> None:
    build(corpus_params("multi30k", source, target, test=year), tmp_path / "raw", tmp_path / "cache", tmp_path)
    splits = splits_of(tmp_path / "raw")
    for split, stem in (("train", "train"), ("valid", "val"), ("test", f"test_{year}_flickr")):
        assert splits[split] == [Example(f"{stem} {source} {n}", (f"{stem} {target} {n}",)) for n in (1, 2)]
    assert [origin["url"] for origin in manifest_of(tmp_path / "raw")["origin"]] == ["http://127.0.0.1:9/nowhere"] * 6


def test_traps(corpus: Callable[[str, bytes], None], tmp_path: Path) -> None:
    corpus(
        "train.de",
        text_of("@@", '"Zwei spielen in einer \tFontäne."', " Ein  Hund ", "Nummer\u00a028", '"Ein Zitat"', "H & M"),
    )
    corpus("train.en", text_of("Lost.", "Two play.", "A dog", "Number 28", '"A quote"', "H&amp;M"))
    build(corpus_params("multi30k", "de", "en"), tmp_path / "raw", tmp_path / "cache", tmp_path)
    assert splits_of(tmp_path / "raw")["train"] == [
        Example("Zwei spielen in einer Fontäne.", ("Two play.",)),
        Example("Ein Hund", ("A dog",)),
        Example("Nummer\u00a028", ("Number 28",)),
        Example('"Ein Zitat"', ('"A quote"',)),
        Example("H & M", ("H&M",)),
    ]
    manifest = manifest_of(tmp_path / "raw")
    assert note(manifest, "pairs of train dropped") == 1
    assert note(manifest, "captions in which &amp; became &") == 1
    assert note(manifest, "texts whose blanks") == 2


def test_the_same_file_serves_both_sides(corpus: Callable[[str, bytes], None], tmp_path: Path) -> None:
    corpus("train.de", text_of("@@", "Ein Hund"))
    build(corpus_params("multi30k", "en", "fr"), tmp_path / "raw", tmp_path / "cache", tmp_path)
    assert len(splits_of(tmp_path / "raw")["train"]) == 2


def test_unequal_files_are_refused(corpus: Callable[[str, bytes], None], tmp_path: Path) -> None:
    corpus("val.de", text_of("Ein Hund"))
    with pytest.raises(SeqlabError, match=r"multi30k/val\.de\.gz has 1 captions, multi30k/val\.en\.gz has 2"):
        build(corpus_params("multi30k", "de", "en"), tmp_path / "raw", tmp_path / "cache", tmp_path)
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize(("source", "target"), [("de", "cs"), ("en", "en"), ("EN", "de")])
def test_a_language_it_lacks(source: str, target: str, tmp_path: Path) -> None:
    with pytest.raises(SeqlabError, match=f"multi30k has no {source} → {target}; .* one of: en → de, en → fr, de → en"):
        build(corpus_params("multi30k", source, target), tmp_path / "raw", tmp_path / "cache", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_translation_in_test_is_refused(corpus: Callable[[str, bytes], None], tmp_path: Path) -> None:
    corpus("test_2016_flickr.de", text_of("@@", "Ein Hund"))
    with pytest.raises(SeqlabError, match="test split lacks a translation"):
        build(corpus_params("multi30k", "de", "en"), tmp_path / "raw", tmp_path / "cache", tmp_path)
    assert not (tmp_path / "raw").exists()
