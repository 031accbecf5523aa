from pathlib import Path

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.corpus import tatoeba
from seqlab.corpus.build import build
from tests.corpus.samples import corpus_params, manifest_of, publish, splits_of, text_of, zipped

# Chains of translations: a–A, A–b, b–B; near-twins; and sentences with one translation.
LINKED = [("Stop!", "Arrête !"), ("Stop.", "Arrêtez !"), ("Halt", "Arrête!"), ("Halt", "Halte")]
PAIRS = [
    ("Go.", "Va !"),
    *LINKED,
    *((f"Sentence {number}.", f"Phrase {number}.") for number in range(30)),
    ("Go.", "Allez-y."),
    ("Sink\u00ad.", "Évier\u200b."),
]


@pytest.fixture(autouse=True)
def _corpus(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _publish(PAIRS, mirror, monkeypatch)


def _publish(
    pairs: list[tuple[str, ...]] | list[tuple[str, str]], mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {
        "__MACOSX/fra-eng/._fra.txt": b"\0\5\x16\7",
        "../fra.txt": b"wrong",
        "fra-eng/fra.txt": text_of(*("\t".join(pair) for pair in pairs)),
    }
    monkeypatch.setattr(tatoeba, "PIN", publish(mirror, "tatoeba-fra-eng/fra-eng.zip", zipped(members)))


def _build(folder: Path, source: str = "en", **options: int) -> dict[str, list[Example]]:
    target = "fr" if source == "en" else "en"
    build(corpus_params("tatoeba", source, target, **options), folder / "raw", folder / "cache", folder)
    return splits_of(folder / "raw")


@pytest.mark.parametrize("source", ["en", "fr"])
@pytest.mark.parametrize("seed", range(8))
def test_nothing_leaks_and_nothing_is_lost(source: str, seed: int, tmp_path: Path) -> None:
    splits = _build(tmp_path, source, seed=seed, valid_size=5, test_size=6)
    assert len(splits["valid"]) == 5
    assert len(splits["test"]) == 6
    found = {(example.source, text) for split in splits.values() for example in split for text in example.references}
    clean = {(one.replace("\u00ad", ""), other.replace("\u200b", "")) for one, other in PAIRS}
    assert found == (clean if source == "en" else {(french, english) for english, french in clean})
    texts = {
        split: {text for example in examples for text in (example.source, *example.references)}
        for split, examples in splits.items()
    }
    assert not texts["train"] & (texts["valid"] | texts["test"])
    assert not texts["valid"] & texts["test"]
    linked = {text for pair in LINKED for text in pair}
    assert sum(bool(linked & found) for found in texts.values()) == 1


def test_several_references_are_kept(tmp_path: Path) -> None:
    examples = [example for split in _build(tmp_path).values() for example in split]
    assert Example("Go.", ("Va !", "Allez-y.")) in examples
    assert Example("Halt", ("Arrête!", "Halte")) in examples
    assert manifest_of(tmp_path / "raw")["licence"].startswith("CC BY 2.0")


def test_the_split_depends_on_the_seed_alone(tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _build(tmp_path / "1", seed=1)
    assert first == _build(tmp_path / "2", seed=1)
    assert first["test"] != _build(tmp_path / "3", seed=2)["test"]
    assert first["test"] == _build(tmp_path / "4", seed=1, valid_size=9)["test"]
    _publish([PAIRS[-1], *PAIRS[:-1]], mirror, monkeypatch)
    assert first == _build(tmp_path / "5", seed=1)


def test_order_is_not_that_of_the_file(tmp_path: Path) -> None:
    sources = [example.source for example in _build(tmp_path)["train"] if example.source.startswith("Sentence")]
    assert sources != sorted(sources, key=lambda text: int(text[9:-1]))


@pytest.mark.parametrize(
    ("valid_size", "test_size", "message"),
    [
        (1, 1000, r"too few source sentences for corpus\.tatoeba\.test_size 1000"),
        (1000, 1, r"too few source sentences for corpus\.tatoeba\.valid_size 1000"),
        (5, 30, "the train split is empty"),
    ],
)
def test_too_large_a_split_is_refused(valid_size: int, test_size: int, message: str, tmp_path: Path) -> None:
    assert len({source for source, _ in PAIRS}) == 35
    with pytest.raises(SeqlabError, match=message):
        _build(tmp_path, valid_size=valid_size, test_size=test_size)
    assert not (tmp_path / "raw").exists()


def test_a_third_column_is_refused(tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _publish([("Go.", "Va !"), ("Go.", "Va !", "CC-BY")], mirror, monkeypatch)
    with pytest.raises(SeqlabError, match=r"fra\.txt, line 2: expected English, TAB, French"):
        _build(tmp_path)


def test_a_language_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(SeqlabError, match=r"tatoeba has no en → de; .* en → fr, fr → en"):
        build(corpus_params("tatoeba", "en", "de"), tmp_path / "raw", tmp_path / "cache", tmp_path)
