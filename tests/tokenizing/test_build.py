import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqlab.core import parallel
from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import SPLITS, Example
from seqlab.params.schema import TokenizerParams
from seqlab.text.batches import Batches
from seqlab.text.encoded import open_split
from seqlab.text.tokenizer import KINDS, load_tokenizers
from seqlab.tokenizing import build as build_module
from seqlab.tokenizing.build import build
from tests.tokenizing.conftest import WriteRaw

TRAIN = [
    Example("the cat", ("le chat", "un chat")),
    Example("the  dog\n", ("le\u2028chien",)),
    Example("a dog sat", ("un chien est assis ici",)),
    Example("", ("",)),
]
VALID = [Example("the bird sat on a cat", ("le chat chat chat chat chat chat", "oiseau")), Example("a", ("",))]
TEST = [Example("the dog", ("oiseau le",))]


def params(**values: Any) -> TokenizerParams:
    given = {
        "kind": "word",
        "vocab_size": 100,
        "vocabulary": "separate",
        "max_source_length": 4,
        "max_target_length": 4,
        "take_from": "none",
    }
    return TokenizerParams.model_validate(given | values)


def run(parameters: TokenizerParams, raw: Path) -> Path:
    build(parameters, raw, raw.parent / "tokenized", raw.parent / "statistics.json")
    return raw.parent / "tokenized"


def texts(folder: Path, split: str) -> list[tuple[str, str]]:
    source, target = load_tokenizers(folder / "tokenizer")
    encoded = open_split(folder / split)
    encoded.require_vocabularies(source.vocab_size, target.vocab_size)
    return [
        (source.decode([encoded.source(row).tolist()])[0], target.decode([encoded.target(row).tolist()])[0])
        for row in range(len(encoded))
    ]


def test_training_has_a_pair_for_each_reference(write_raw: WriteRaw) -> None:
    folder = run(params(max_source_length=9), write_raw(train=TRAIN))
    assert texts(folder, "train") == [
        ("the cat", "le chat"),
        ("the cat", "un chat"),
        ("the  dog\n", "le\u2028chien"),
        # "un chien est assis ici" has five tokens and is dropped.
        ("", ""),
    ]


def test_other_splits_have_a_pair_for_each_example_in_order(write_raw: WriteRaw) -> None:
    folder = run(params(), write_raw(train=TRAIN, valid=VALID, test=TEST))
    assert texts(folder, "valid") == [("the ⁇ sat ⁇", "le chat chat chat chat chat chat"), ("a", "")]
    assert texts(folder, "test") == [("the dog", "⁇ le")]


def test_statistics_counted_by_hand(write_raw: WriteRaw) -> None:
    raw = write_raw(train=TRAIN, valid=VALID, test=TEST)
    run(params(), raw)
    statistics = json.loads((raw.parent / "statistics.json").read_text())
    # Sources: the cat | the cat | the ∅ dog ⏎ | ∅; targets: le chat | un chat | le U+2028 chien | ∅.
    assert statistics["train"] == {
        "examples": 4,
        "pairs": 4,
        "dropped_pairs": 1,
        "truncated_sources": 0,
        "source": {
            "tokens": 8, "mean_length": 2.0, "max_length": 4, "unknown_tokens": 0, "unknown_rate": 0.0, "empty": 1,
        },
        "target": {
            "tokens": 7, "mean_length": 1.75, "max_length": 3, "unknown_tokens": 0, "unknown_rate": 0.0, "empty": 1,
        },
    }  # fmt: skip
    # "the bird sat on a cat" is cut after four tokens, of which two are unknown; its target is kept whole.
    assert statistics["valid"] == {
        "examples": 2,
        "pairs": 2,
        "dropped_pairs": 0,
        "truncated_sources": 1,
        "source": {
            "tokens": 5, "mean_length": 2.5, "max_length": 4, "unknown_tokens": 2, "unknown_rate": 0.4, "empty": 0,
        },
        "target": {
            "tokens": 7, "mean_length": 3.5, "max_length": 7, "unknown_tokens": 0, "unknown_rate": 0.0, "empty": 1,
        },
    }  # fmt: skip
    assert statistics["test"]["target"]["unknown_rate"] == 0.5
    # the cat ∅ dog ⏎ a sat, and le chat un U+2028 chien est assis ici, each beside 4 special tokens.
    assert statistics["vocabulary"] == {"source": 11, "target": 12}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_back_its_training_text(kind: str, write_raw: WriteRaw) -> None:
    raw = write_raw(train=TRAIN)
    folder = run(params(kind=kind, vocab_size=60, max_source_length=99, max_target_length=99), raw)
    assert texts(folder, "train") == [
        (example.source, reference) for example in TRAIN for reference in example.references
    ]


def test_a_joint_vocabulary_is_one(write_raw: WriteRaw) -> None:
    raw = write_raw(train=TRAIN)
    folder = run(params(vocabulary="joint"), raw)
    source, target = load_tokenizers(folder / "tokenizer")
    assert source.encode(["the chat"]) == target.encode(["the chat"])
    assert source.decode(source.encode(["the chat"])) == ["the chat"]
    assert json.loads((folder / "tokenizer" / "config.json").read_text())["vocabulary"] == "joint"


def test_separate_vocabularies_know_their_side_alone(write_raw: WriteRaw) -> None:
    source, target = load_tokenizers(run(params(), write_raw(train=TRAIN)) / "tokenizer")
    assert source.decode(source.encode(["the chat"])) == ["the ⁇"]
    assert target.decode(target.encode(["the chat"])) == ["⁇ chat"]


def test_tokenizers_say_what_the_corpus_was_cut_to(write_raw: WriteRaw) -> None:
    folder = run(params(max_source_length=7, max_target_length=9), write_raw(train=TRAIN))
    assert [tokenizer.max_length for tokenizer in load_tokenizers(folder / "tokenizer")] == [7, 9]


def test_only_the_training_split_is_learnt_from(write_raw: WriteRaw) -> None:
    first = run(params(), write_raw(train=TRAIN, valid=VALID))
    tokenizer = {path.name: path.read_bytes() for path in (first / "tokenizer").iterdir()}
    train = {path.name: path.read_bytes() for path in (first / "train").iterdir()}
    second = run(params(), write_raw(train=TRAIN, valid=[Example("new words here", ("de nouveaux mots",))]))
    assert {path.name: path.read_bytes() for path in (second / "tokenizer").iterdir()} == tokenizer
    assert {path.name: path.read_bytes() for path in (second / "train").iterdir()} == train


def test_a_large_corpus_is_sampled_evenly_for_training(write_raw: WriteRaw, monkeypatch: pytest.MonkeyPatch) -> None:
    train = [Example(f"w{number}", (f"w{number}",)) for number in range(100)]
    raw = write_raw(train=train)
    monkeypatch.setattr(build_module, "_TRAINING_BYTES", 1 + (raw / "train.jsonl").stat().st_size // 10)
    folder = run(params(vocab_size=1000), raw)
    source, _ = load_tokenizers(folder / "tokenizer")
    assert sorted(source.pieces(range(4, source.vocab_size))) == sorted(f"w{number}" for number in range(0, 100, 10))
    assert len(open_split(folder / "train")) == 100


def test_chunks_change_nothing(write_raw: WriteRaw, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = write_raw(train=TRAIN * 5, valid=VALID)
    folder = run(params(), raw)
    content = {path: path.read_bytes() for path in raw.parent.rglob("*") if path.is_file()}
    monkeypatch.setattr(build_module, "_CHUNK", 3)
    run(params(), raw)
    assert {path: path.read_bytes() for path in raw.parent.rglob("*") if path.is_file()} == content
    assert folder.is_dir()


@pytest.mark.parametrize(("kind", "warned"), [("word", ["target"]), ("char", [])])
def test_words_of_text_without_spaces_are_warned_of(
    kind: str, warned: list[str], write_raw: WriteRaw, capsys: pytest.CaptureFixture[str]
) -> None:
    chinese = [Example("the cat", ("他现在找到旧汽车。", "我们又喜欢旧苹果。"))]
    run(params(kind=kind, max_target_length=20), write_raw(train=chinese))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tokenize: warning")]
    assert [line.split(" has no spaces")[0] for line in lines] == [f"tokenize: warning: the {side}" for side in warned]


@pytest.mark.parametrize("split", SPLITS)
def test_an_empty_split_is_refused(split: str, write_raw: WriteRaw) -> None:
    raw = write_raw(**{split: []})
    with pytest.raises(SeqlabError, match=rf"{split}\.jsonl.* (has no example|there is no text)"):
        run(params(), raw)
    assert not list((raw.parent / "tokenized").iterdir())
    assert not (raw.parent / "statistics.json").exists()


def test_a_training_split_with_nothing_left_is_refused(write_raw: WriteRaw) -> None:
    raw = write_raw(train=[Example("a", ("one two three",))])
    with pytest.raises(SeqlabError, match=r"train\.jsonl: every target has more than 2 tokens.*raise tokenizer\.max_t"):
        run(params(max_target_length=2), raw)


def test_the_limits_themselves_are_within(write_raw: WriteRaw) -> None:
    raw = write_raw(train=[Example("a b c", ("d e",)), Example("a b c d", ("d e f",))])
    folder = run(params(max_source_length=3, max_target_length=2), raw)
    assert texts(folder, "train") == [("a b c", "d e")]
    statistics = json.loads((raw.parent / "statistics.json").read_text())["train"]
    assert (statistics["truncated_sources"], statistics["dropped_pairs"]) == (0, 1)


def test_long_targets_outside_training_are_kept(write_raw: WriteRaw) -> None:
    long = "a " * 500
    folder = run(params(max_target_length=3), write_raw(test=[Example("a", (long,))]))
    assert open_split(folder / "test").target_lengths.tolist() == [501]


@pytest.mark.parametrize("split", SPLITS)
def test_an_example_without_reference_is_named(split: str, write_raw: WriteRaw) -> None:
    raw = write_raw(**{split: [Example("a", ("b",)), Example("c", ())]})
    with pytest.raises(SeqlabError, match=rf"{split}\.jsonl, line 2: the example has no reference"):
        run(params(), raw)


@pytest.mark.parametrize("split", SPLITS)
def test_a_missing_raw_file_is_named(split: str, write_raw: WriteRaw) -> None:
    raw = write_raw()
    (raw / f"{split}.jsonl").unlink()
    with pytest.raises(SeqlabError, match=rf"{split}\.jsonl is missing"):
        run(params(), raw)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_raw_file_is_named(kind: str, write_raw: WriteRaw) -> None:
    raw = write_raw()
    (raw / "train.jsonl").write_text('{"source": "a", "references": ["b"]}\nno record\n')
    with pytest.raises(SeqlabError, match=r"train\.jsonl, line 2"):
        run(params(kind=kind), raw)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lone_surrogate_is_refused(kind: str, write_raw: WriteRaw) -> None:
    raw = write_raw()
    (raw / "valid.jsonl").write_text('{"source": "a\\ud800", "references": ["b"]}\n')
    with pytest.raises(SeqlabError, match="not valid Unicode"):
        run(params(kind=kind), raw)
    assert not list((raw.parent / "tokenized").iterdir())


def test_an_error_leaves_the_former_result(write_raw: WriteRaw) -> None:
    raw = write_raw(train=TRAIN)
    folder = run(params(), raw)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (raw / "test.jsonl").write_text("")
    with pytest.raises(SeqlabError):
        run(params(vocab_size=8), raw)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_of_a_megabyte_is_encoded(kind: str, write_raw: WriteRaw) -> None:
    long = "x" * 1_000_000
    raw = write_raw(train=[Example(long, ("a b",)), Example("a b " * 250_000, ("b a",)), Example("x", (long,))])
    folder = run(params(kind=kind, vocab_size=30), raw)
    split = open_split(folder / "train")
    assert split.source_lengths.max() == 4
    # As a word, a million characters are one unknown token; as others, a target that is too long.
    assert len(split) == (3 if kind == "word" else 2)


PROGRAM = """
import sys
from pathlib import Path
from seqlab.params.schema import TokenizerParams
from seqlab.tokenizing.build import build
for kind in ("word", "bpe", "unigram", "char"):
    params = TokenizerParams(
        kind=kind, vocab_size=80, vocabulary="joint", max_source_length=99, max_target_length=99, take_from="none"
    )
    out = Path(sys.argv[2]) / kind
    build(params, Path(sys.argv[1]), out, out / "statistics.json")
"""


def test_all_bytes_are_the_same_on_one_core_and_on_all(write_raw: WriteRaw, tmp_path: Path) -> None:
    raw = write_raw(train=[Example(f"{a}é {b}, {a * 2}", (f"{b}{a} {b}.",)) for a in "abcdefgh" for b in "stuvwxyz"])
    cores = os.sched_getaffinity(0)
    results = []
    for name, subset, hash_seed in (("one", {min(cores)}, "1"), ("some/where else", cores, "2")):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
        program = f"import os; os.sched_setaffinity(0, {subset})\n{PROGRAM}"
        folder = tmp_path / name
        subprocess.run([sys.executable, "-c", program, raw, folder], env=environment, check=True, capture_output=True)
        results.append(
            {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        )
    assert len(results[0]) == 4 * (3 + 3 * 4 + 1)
    assert results[0] == results[1]


@pytest.mark.parametrize("kind", KINDS)
def test_multi30k_comes_back_exactly(kind: str, multi30k: list[Example], write_raw: WriteRaw) -> None:
    raw = write_raw(train=multi30k[:3000], valid=multi30k[3000:3100], test=multi30k[3100:3200])
    folder = run(params(kind=kind, vocab_size=2000, max_source_length=999, max_target_length=999), raw)
    statistics = json.loads((raw.parent / "statistics.json").read_text())
    assert statistics["vocabulary"]["source"] <= 2000
    assert statistics["train"]["pairs"] == 3000
    wrong = [
        (pair, example)
        for split in SPLITS
        for pair, example in zip(texts(folder, split), parallel.read(raw / f"{split}.jsonl"), strict=True)
        if pair != (example.source, example.references[0]) and "⁇" not in "".join(pair)
    ]
    assert wrong == []
    if kind != "word":
        assert statistics["train"]["source"]["unknown_tokens"] == 0
    padding = _padding(folder)
    assert padding < 0.2


def _padding(folder: Path) -> float:
    batches = list(Batches(open_split(folder / "train"), 64, "sentences", seed=1).epoch(0))
    real = sum(int(batch.source_lengths.sum() + batch.target_lengths.sum()) for batch in batches)
    return float(1 - real / np.sum([batch.source.numel() + batch.target.numel() for batch in batches]))


def test_taken_tokenizers_are_those_of_the_checkpoint_whatever_the_text(write_raw: WriteRaw, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    shutil.copytree(run(params(), write_raw(train=TRAIN)) / "tokenizer", origin / "tokenizer")
    raw = tmp_path / "other/raw"
    for split in SPLITS:
        parallel.write(raw / f"{split}.jsonl", [Example("the bird sat", ("un oiseau",))])
    wanted = params(take_from="origin", max_source_length=2, max_target_length=9)
    build(wanted, raw, raw.parent / "tokenized", raw.parent / "statistics.json", origin=origin)
    assert texts(raw.parent / "tokenized", "train") == [("the ⁇", "un ⁇")]
    for side in ("source", "target"):
        taken = raw.parent / f"tokenized/tokenizer/{side}.model"
        assert taken.read_bytes() == (origin / f"tokenizer/{side}.model").read_bytes()
    # How much of a text this corpus has is its own.
    assert [each.max_length for each in load_tokenizers(raw.parent / "tokenized/tokenizer")] == [2, 9]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "char"}, "set tokenizer.kind to word"),
        ({"vocabulary": "joint"}, "set tokenizer.vocabulary to separate"),
        ({"vocab_size": 8, "kind": "bpe"}, "set tokenizer.kind to word and tokenizer.vocab_size to 12 or more"),
    ],
)
def test_parameters_that_say_other_than_the_taken_tokenizers_are_refused(
    changes: dict[str, Any], message: str, write_raw: WriteRaw, tmp_path: Path
) -> None:
    raw = write_raw(train=TRAIN)
    shutil.copytree(run(params(), raw) / "tokenizer", tmp_path / "base/tokenizer")
    with pytest.raises(SeqlabError, match=re.escape(message)):
        build(params(**changes), raw, tmp_path / "out", tmp_path / "statistics.json", origin=tmp_path / "base")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_checkpoint_without_tokenizers_is_refused(write_raw: WriteRaw, tmp_path: Path) -> None:
    with pytest.raises(SeqlabError, match=r"base has no tokenizer/config\.json; put a whole checkpoint there"):
        build(params(), write_raw(train=TRAIN), tmp_path / "o", tmp_path / "s.json", origin=tmp_path / "base")
