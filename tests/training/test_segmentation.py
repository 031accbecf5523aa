"""The training split cut anew in each epoch, and trainings on it."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqlab.core import parallel
from seqlab.core.parallel import Example
from seqlab.params.params import Params
from seqlab.text.batches import Batches
from seqlab.text.encoded import EncodedSplit, open_split
from seqlab.text.sequences import write_sequences
from seqlab.text.tokenizer import Tokenizer, load_tokenizers
from seqlab.tokenizing.build import build
from seqlab.tokenizing.vocabulary import train_model
from seqlab.training import segmentation
from seqlab.training.events import Event, TrainingStarted
from seqlab.training.segmentation import Segmentation
from tests.training.conftest import Training, make_params
from tests.training.test_bpe_dropout import some_words

Trainings = Callable[[str], Training]
TOKENIZER = {"kind": "bpe", "vocab_size": 60, "max_source_length": 60, "max_target_length": 200}


def bpe_params(dropout: float = 0.3, **train: object) -> Params:
    return make_params(
        # As many as the tests have, and a process that they start takes it from here.
        runtime={"threads": 1},
        tokenizer=TOKENIZER,
        train={"bpe_dropout": dropout, "epochs": 2, "learning_rate_schedule": "plateau", **train},
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of words to be reversed; with empty sides, runs of spaces, unknown characters and sources that are cut off."""
    folder = tmp_path_factory.mktemp("bpe")
    words = some_words(400)
    texts = [" ".join(words[place : place + 1 + place % 7]) for place in range(0, 350, 5)]
    hard = ["", "  ba   cher ", " ".join(words[:25]), "de  "]
    for split, sources in (("train", texts + hard), ("valid", [*texts[:8], "ЖЖ ba"]), ("test", texts[:3])):
        parallel.write(folder / f"raw/{split}.jsonl", (Example(text, (text[::-1],)) for text in sources))
    build(bpe_params().tokenizer, folder / "raw", folder / "tokenized", folder / "statistics.json")
    return folder


@pytest.fixture(scope="module")
def split(corpus: Path) -> EncodedSplit:
    return open_split(corpus / "tokenized/train")


@pytest.fixture(scope="module")
def tokenizers(corpus: Path) -> tuple[Tokenizer, Tokenizer]:
    return load_tokenizers(corpus / "tokenized/tokenizer")


def tokens(split: EncodedSplit) -> tuple[list[list[int]], list[list[int]]]:
    rows = range(len(split))
    return [split.source(row).tolist() for row in rows], [split.target(row).tolist() for row in rows]


@pytest.fixture
def cut(split: EncodedSplit, tokenizers: tuple[Tokenizer, Tokenizer]) -> Callable[..., tuple[list[list[int]], ...]]:
    """The tokens of both sides in an epoch."""

    def of_epoch(dropout: float, epoch: int = 1, seed: int = 1) -> tuple[list[list[int]], ...]:
        return tokens(Segmentation(split, tokenizers, dropout, seed).epoch(epoch))

    return of_epoch


Cut = Callable[..., tuple[list[list[int]], ...]]


def test_without_dropout_the_split_is_what_it_was(cut: Cut, split: EncodedSplit) -> None:
    assert cut(0.0) == tokens(split)


def test_both_sides_have_the_same_text_in_more_pieces_the_higher_the_dropout(
    cut: Cut, split: EncodedSplit, tokenizers: tuple[Tokenizer, Tokenizer]
) -> None:
    for side, tokenizer in enumerate(tokenizers):
        # The long one is cut anew only as long as it fits.
        texts, pieces = tokenizer.decode(tokens(split)[side]), []
        for dropout in (0.0, 0.1, 0.3, 0.6, 1.0):
            rows = cut(dropout)[side]
            assert tokenizer.decode(rows) == texts
            pieces.append(sum(map(len, rows)))
        assert pieces == sorted(set(pieces))


def test_an_epoch_depends_on_seed_and_number_alone(
    cut: Cut, split: EncodedSplit, tokenizers: tuple[Tokenizer, Tokenizer]
) -> None:
    asked = Segmentation(split, tokenizers, 0.3, 1)
    assert [tokens(asked.epoch(number)) for number in (3, 1, 1)] == [cut(0.3, number) for number in (3, 1, 1)]
    different = [*cut(0.3), *cut(0.3, 2), *cut(0.3, 1, 2)]
    assert len({str(side) for side in different}) == len(different)


def test_sides_and_parts_are_cut_each_in_its_own_way(
    tokenizers: tuple[Tokenizer, Tokenizer], corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segmentation, "_ROWS", 20)
    word = [next(row for row in tokens(open_split(corpus / "tokenized/train"))[0] if 5 < len(row) < 12)] * 40
    with (
        write_sequences(tmp_path, "source", 60) as sources,
        write_sequences(tmp_path, "target", 60) as targets,
    ):
        sources.append(word)
        targets.append(word)
    source, _ = tokenizers
    sides = tokens(Segmentation(open_split(tmp_path), (source, source), 0.3, 1).epoch(1))
    parts = [str(side[low : low + 20]) for side in sides for low in (0, 20)]
    assert len(set(parts)) == 4


def test_what_would_become_too_long_stays_as_it_was(cut: Cut, split: EncodedSplit) -> None:
    params = bpe_params().tokenizer
    limits = (params.max_source_length, params.max_target_length)
    for found, before, limit in zip(cut(1.0), tokens(split), limits, strict=True):
        assert max(map(len, found)) <= limit
        kept = [row for row, earlier in zip(found, before, strict=True) if row == earlier and len(row) > 40]
        assert 0 < len(kept) < len(found) / 4


def test_forgetting_the_words_changes_nothing(cut: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = cut(0.3)
    monkeypatch.setattr(segmentation, "_MOST_CUTS", 0)
    assert cut(0.3) == expected


PROGRAM = """
import sys
from pathlib import Path
from seqlab.text.encoded import open_split
from seqlab.text.tokenizer import load_tokenizers
from seqlab.training.segmentation import Segmentation
folder = Path(sys.argv[1])
epoch = Segmentation(open_split(folder / "train"), load_tokenizers(folder / "tokenizer"), 0.3, 1).epoch(4)
print([epoch.source(row).tolist() for row in range(20)])
"""


def test_another_process_cuts_the_same(cut: Cut, corpus: Path) -> None:
    program = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2] / 'src')!r})\n{PROGRAM}"
    command = [sys.executable, "-c", program, str(corpus / "tokenized")]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert output.strip() == str(cut(0.3, 4)[0][:20])


def test_batches_know_the_new_lengths(split: EncodedSplit, tokenizers: tuple[Tokenizer, Tokenizer]) -> None:
    in_epoch = Segmentation(split, tokenizers, 0.6, 1).epoch
    batches, epoch = Batches(split, 200, "tokens", 1, in_epoch), in_epoch(2)
    found = list(batches.epoch(2))
    assert sorted(row for batch in found for row in batch.indices.tolist()) == list(range(len(split)))
    for batch in found:
        assert batch.source.numel() <= 200
        assert batch.target.numel() <= 200
        for place, row in enumerate(batch.indices.tolist()):
            assert batch.source[place, : batch.source_lengths[place] - 1].tolist() == epoch.source(row).tolist()
            assert batch.target[place, : batch.target_lengths[place] - 1].tolist() == epoch.target(row).tolist()
    plain = len(Batches(split, 200, "tokens", 1))
    assert len(batches) == pytest.approx(len(found), abs=2)
    assert len(batches) > plain + 2


def test_no_dropout_costs_nothing_and_some_changes_the_model(
    trainings: Trainings, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = trainings("some")(bpe_params(0.3))

    def fail(*_: object) -> None:
        raise AssertionError("cut anew")

    monkeypatch.setattr(Segmentation, "__init__", fail)
    none = trainings("none")(bpe_params(0.0))
    assert none["models/last/model.safetensors"] != some["models/last/model.safetensors"]
    # The tokenizers that translate are the same.
    assert {name for name in some if "tokenizer" in name and some[name] != none[name]} == set()


@pytest.mark.parametrize("batch_by", ["sentences", "tokens"])
def test_stopped_at_every_safe_point_it_ends_in_the_same_bytes(batch_by: str, trainings: Trainings) -> None:
    params = bpe_params(batch_by=batch_by, batch_size=16 if batch_by == "sentences" else 300)
    undisturbed = trainings("undisturbed")(params)
    files, stops = trainings("stopped").until_done(params)
    assert files == undisturbed
    assert stops >= 6


def test_more_epochs_go_on_in_the_same_bytes(trainings: Trainings) -> None:
    expected, training, continued = trainings("from the start")(bpe_params(epochs=3)), trainings("on"), []

    def note(event: Event) -> None:
        if isinstance(event, TrainingStarted):
            continued.append(event.continued)

    training(bpe_params(), listeners=[note])
    assert training(bpe_params(epochs=3), listeners=[note]) == expected
    assert continued == [False, True]


def test_several_processes_train_what_one_does(trainings: Trainings) -> None:
    params = bpe_params(shards=2)
    assert trainings("one")(params) == trainings("two")(params, world_size=2)


def test_epochs_leave_no_files_behind(cut: Cut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cut(0.3)
    assert list(tmp_path.iterdir()) == []


def test_a_long_text_without_spaces(tokenizers: tuple[Tokenizer, Tokenizer], tmp_path: Path) -> None:
    source, _ = tokenizers
    text = "".join(some_words(300, seed=2))
    with (
        write_sequences(tmp_path, "source", 60) as sources,
        write_sequences(tmp_path, "target", 60) as targets,
    ):
        sources.append(source.encode([text]))
        targets.append([[]])
    long = Tokenizer.__new__(Tokenizer)
    vars(long).update(vars(source) | {"max_length": 10**6})
    epoch = Segmentation(open_split(tmp_path), (long, long), 0.1, 1).epoch(1)
    found = epoch.source(0).tolist()
    assert source.decode([found]) == [text]
    assert np.array_equal(epoch.target(0), [])


def test_the_spaces_before_a_word_are_part_of_it(tmp_path: Path) -> None:
    texts = ["ba ba ba ba ba", *["fu  fu"] * 2, "ba  ba"]
    tokenizer = Tokenizer(train_model(texts, "bpe", 20, "texts"), "bpe", 100)
    spaces, [word] = tokenizer.vocabulary.index("▁▁"), tokenizer.encode(["  ba"])
    # Of its own accord BPE takes the second space to the word.
    assert spaces not in word
    for side in ("source", "target"):
        with write_sequences(tmp_path, side, 20) as writer:
            writer.append([word] * 200)
    epoch = Segmentation(open_split(tmp_path), (tokenizer, tokenizer), 0.5, 1).epoch(1)
    assert any(spaces in epoch.source(row) for row in range(200))
