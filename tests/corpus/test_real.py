"""The published corpora, where a mirror of them is at hand: counts as in its README, and what each trap became."""

import json
from itertools import permutations
from pathlib import Path

import pytest

from seqlab.core.parallel import Example
from seqlab.corpus.build import build
from seqlab.corpus.grouping import fold
from tests.corpus.samples import corpus_params, manifest_of, note, splits_of

pytestmark = pytest.mark.usefixtures("real_mirror")

Splits = dict[str, list[Example]]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def _build(cache: Path, folder: Path, name: str, source: str, target: str, **options: str | int) -> Splits:
    build(corpus_params(name, source, target, **options), folder / "raw", cache, folder)
    manifest = manifest_of(folder / "raw")
    splits = splits_of(folder / "raw")
    for split, examples in splits.items():
        assert manifest["splits"][split]["examples"] == len(examples)
        assert manifest["splits"][split]["references"] == sum(len(example.references) for example in examples)
        assert all(text == text.strip() != "" for example in examples for text in (example.source, *example.references))
    assert "mirror" not in json.dumps(manifest).lower()
    assert manifest["licence"]
    assert manifest["citation"]
    return splits


def _sizes(splits: Splits) -> tuple[int, ...]:
    return tuple(len(splits[split]) for split in ("train", "valid", "test"))


@pytest.mark.parametrize(("source", "target"), list(permutations(("en", "de", "fr"), 2)))
def test_multi30k(source: str, target: str, cache: Path, tmp_path: Path) -> None:
    splits = _build(cache, tmp_path, "multi30k", source, target)
    german = "de" in (source, target)
    assert _sizes(splits) == (29_000 - 2 * german, 1_014, 1_000)
    texts = [
        text for examples in splits.values() for example in examples for text in (example.source, *example.references)
    ]
    assert not any("@@" in text or "\t" in text or "  " in text or "&amp;" in text for text in texts)
    assert sum("\u00a0" in text for text in texts) == 45 * german
    notes = manifest_of(tmp_path / "raw")
    assert note(notes, "pairs of train dropped") == 2 * german
    assert note(notes, "captions in which &amp;") == 16 * ("en" in (source, target)) + german
    assert (
        note(notes, "different source texts of valid that also occur in train") == {"en": 1, "de": 1, "fr": 3}[source]
    )
    assert note(notes, "different source texts of test that also occur in train") == 0


@pytest.mark.parametrize(("source", "overlap"), [("de", 2), ("fr", 1)])
def test_multi30k_2017(source: str, overlap: int, cache: Path, tmp_path: Path) -> None:
    splits = _build(cache, tmp_path, "multi30k", source, "en", test="2017")
    assert len(splits["test"]) == 1_000
    notes = manifest_of(tmp_path / "raw")
    assert note(notes, "different source texts of test that also occur in train") == overlap


@pytest.mark.slow
@pytest.mark.parametrize(("source", "distinct"), [("en", 116_830), ("fr", 158_527)])
def test_tatoeba(source: str, distinct: int, cache: Path, tmp_path: Path) -> None:
    target = "fr" if source == "en" else "en"
    splits = _build(cache, tmp_path, "tatoeba", source, target, valid_size=1_000, test_size=1_000)
    assert _sizes(splits) == (distinct - 2_000, 1_000, 1_000)
    pairs = [(example.source, text) for split in splits.values() for example in split for text in example.references]
    assert len(pairs) == len(set(pairs)) == 167_130
    sides = {
        split: [
            {fold(example.source) for example in examples},
            {fold(text) for example in examples for text in example.references},
        ]
        for split, examples in splits.items()
    }
    for side in (0, 1):
        assert not sides["train"][side] & (sides["valid"][side] | sides["test"][side])
        assert not sides["valid"][side] & sides["test"][side]
    if source == "en":
        assert max(len(example.references) for split in splits.values() for example in split) == 32
    lengths = [len(example.source) for example in splits["train"]]
    assert abs(sum(lengths[:5_000]) / 5_000 - sum(lengths) / len(lengths)) < 1.5


@pytest.mark.slow
def test_dialogsum_replies(cache: Path, tmp_path: Path) -> None:
    splits = _build(cache, tmp_path, "dialogsum", "turn", "reply")
    notes = manifest_of(tmp_path / "raw")
    dropped = {
        split: sum(
            int(text.rsplit(": ", 1)[1]) for text in notes["notes"] if text.startswith(f"pairs of {split} dropped")
        )
        for split in ("train", "valid", "test")
    }
    published = (105_838, 4_190, 4_353)  # adjacent turns
    assert _sizes(splits) == tuple(
        count - dropped[split] for count, split in zip(published, ("train", "valid", "test"), strict=True)
    )
    assert (dropped["valid"], dropped["test"]) == (1, 2)
    texts = [
        text for examples in splits.values() for example in examples for text in (example.source, *example.references)
    ]
    assert not any(text.lower().startswith("#person") and "#:" in text[:12] for text in texts)
    pairs = {
        split: {(fold(example.source), fold(example.references[0])) for example in examples}
        for split, examples in splits.items()
    }
    assert not pairs["train"] & (pairs["valid"] | pairs["test"])


@pytest.mark.slow
@pytest.mark.parametrize("target", ["summary", "topic"])
def test_dialogsum_descriptions(target: str, cache: Path, tmp_path: Path) -> None:
    splits = _build(cache, tmp_path, "dialogsum", "dialogue", target)
    dropped = note(manifest_of(tmp_path / "raw"), "dialogues of train dropped")
    assert dropped > 0
    assert _sizes(splits) == (12_460 - dropped, 500, 500)
    assert {len(example.references) for example in splits["test"]} == {3}
    assert {len(example.references) for split in ("train", "valid") for example in splits[split]} == {1}
    assert not any("\n" in text for split in splits.values() for example in split for text in example.references)
    assert sum(example.source.count("\n") for example in splits["test"]) == 4_353


@pytest.mark.parametrize(("target", "references"), [("title", (1, 1)), ("summary", (4, 4))])
def test_scitldr(target: str, references: tuple[int, int], cache: Path, tmp_path: Path) -> None:
    splits = _build(cache, tmp_path, "scitldr", "abstract", target)
    dropped = note(manifest_of(tmp_path / "raw"), "papers of train dropped")
    assert dropped == 11
    assert _sizes(splits) == (1_992 - dropped, 619, 618)
    total = {split: sum(len(example.references) for example in examples) for split, examples in splits.items()}
    assert (total["valid"], total["test"]) == ((619, 618) if target == "title" else (1_453, 1_967))
    most = {split: max(len(example.references) for example in examples) for split, examples in splits.items()}
    assert (most["train"], most["valid"], most["test"]) == (1, *references)
    sources = {split: {fold(example.source) for example in examples} for split, examples in splits.items()}
    assert not sources["train"] & (sources["valid"] | sources["test"])


# Lines of train and of test, lines of train that repeat a command, longest actions of train and of test.
@pytest.mark.parametrize(
    ("split", "lines", "repeated", "longest"),
    [
        ("simple", (16_728, 4_182), 0, (48, 48)),
        ("length", (16_990, 3_920), 0, (22, 48)),
        ("addprim_jump", (14_670, 7_706), 1_466, (48, 48)),
        ("addprim_turn_left", (21_890, 1_208), 2_188, (48, 27)),
    ],
)
def test_scan(
    split: str, lines: tuple[int, int], repeated: int, longest: tuple[int, int], cache: Path, tmp_path: Path
) -> None:
    splits = _build(cache, tmp_path, "scan", "command", "actions", split=split, valid_size=1_000)
    assert _sizes(splits) == (lines[0] - 1_000, 1_000, lines[1])
    sources = {name: [example.source for example in examples] for name, examples in splits.items()}
    assert len(sources["train"]) - len(set(sources["train"])) == repeated
    assert note(manifest_of(tmp_path / "raw"), "lines of train that repeat a command") == repeated
    assert not set(sources["valid"]) & set(sources["train"])
    assert not set(sources["test"]) & {*sources["train"], *sources["valid"]}
    assert len({word for name in sources for text in sources[name] for word in text.split()}) == 13
    actions = {name: [example.references[0].split() for example in examples] for name, examples in splits.items()}
    assert len({word for name in actions for text in actions[name] for word in text}) == 6
    assert (max(map(len, actions["train"] + actions["valid"])), max(map(len, actions["test"]))) == longest
    if split == "addprim_jump":
        assert {text for text in sources["train"] if "jump" in text.split()} == {"jump"}
