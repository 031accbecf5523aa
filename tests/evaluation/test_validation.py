"""The validator that training is handed."""

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from sacrebleu import corpus_bleu

from seqlab.core import parallel
from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.params.schema import TokenizerParams
from seqlab.scoring.perplexity import perplexity
from seqlab.seq2seq.decoding.greedy import greedy
from seqlab.seq2seq.engines.ahead_model import AheadModel
from seqlab.seq2seq.engines.choice import CPU, CUDA, PLAIN
from seqlab.seq2seq.engines.engine import Engine
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import sequential
from seqlab.text.encoded import open_split
from seqlab.text.tokenizer import load_tokenizers
from seqlab.tokenizing.build import build
from seqlab.training import validation
from seqlab.training.validation import Validation
from seqlab.training.validator import ValidationScores
from tests.seq2seq.model.tiny import untrained_model
from tests.simulated_device import NAME, simulated_device

EXAMPLES = [
    Example("a b c d e", ("e d c b a", "e d c")),
    Example("", ("nothing",)),
    Example("b a", ("a b",)),
    Example("c c c c", ("c c c c", "c", "c c")),
]

TOKENIZER = TokenizerParams(
    kind="word", vocab_size=100, vocabulary="separate", max_source_length=100, max_target_length=100, take_from="none"
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for split in parallel.SPLITS:
        parallel.write(tmp_path / f"raw/{split}.jsonl", EXAMPLES)
    build(TOKENIZER, tmp_path / "raw", tmp_path / "tokenized", tmp_path / "statistics.json")
    return tmp_path


@pytest.fixture
def model(data: Path) -> Seq2Seq:
    source, target = load_tokenizers(data / "tokenized/tokenizer")
    sizes = {"source_vocab_size": source.vocab_size, "target_vocab_size": target.vocab_size}
    return untrained_model(seed=2, embedding_size=6, hidden_size=7, dropout=0.1, **sizes)


def _bleu(data: Path, model: Seq2Seq, tokenize: str) -> float:
    """BLEU of greedy translations, one at a time, by sacreBLEU's own function."""
    source, target = load_tokenizers(data / "tokenized/tokenizer")
    translations = []
    for example in EXAMPLES:
        ids = torch.tensor([[*source.encode([example.source])[0], 3]])
        hypothesis = greedy(model, ids, torch.tensor([ids.shape[1]]), max_length=6)[0]
        # A source without tokens has an empty translation.
        translations.append(target.decode([hypothesis.tokens])[0] if example.source else "")
    assert any(translations)
    streams = [[e.references[n] if n < len(e.references) else None for e in EXAMPLES] for n in range(3)]
    return corpus_bleu(translations, streams, force=True, tokenize=tokenize).score  # type: ignore[arg-type]


@pytest.mark.parametrize("batch_size", [1, 3, 256])
def test_scores(batch_size: int, data: Path, model: Seq2Seq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "BATCH_SIZE", batch_size)
    safe_points: list[None] = []
    scores = Validation.open(data / "tokenized", data / "raw", 6, "13a", CPU)(model, lambda: safe_points.append(None))
    loss, expected = perplexity(model, sequential(open_split(data / "tokenized/valid"), 1), CPU)
    assert scores.loss == pytest.approx(loss, rel=1e-5)
    assert scores.perplexity == pytest.approx(expected, rel=1e-4)

    assert scores.bleu == pytest.approx(_bleu(data, model, "13a"))
    assert len(safe_points) == -(-len(EXAMPLES) // batch_size)


def test_a_model_that_copies_the_references_has_bleu_100_and_matches_them(
    data: Path, model: Seq2Seq, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, target = load_tokenizers(data / "tokenized/tokenizer")
    references = {example.source: example.references[0] for example in EXAMPLES if example.source}
    source, _ = load_tokenizers(data / "tokenized/tokenizer")

    class Perfect:
        def __init__(self, tokens: list[int]) -> None:
            self.tokens = tokens

    def perfect(_model: Seq2Seq, ids: torch.Tensor, lengths: torch.Tensor, **_: object) -> list[Perfect]:
        texts = source.decode([row[: length - 1] for row, length in zip(ids.tolist(), lengths.tolist(), strict=True)])
        return [Perfect(target.encode([references.get(text, "")])[0]) for text in texts]

    monkeypatch.setattr(validation, "greedy", perfect)
    split = open_split(data / "tokenized/valid")
    # The sentence without a source cannot be translated: let its reference be empty.
    rows = [example.references if example.source else ("",) for example in EXAMPLES]
    scores = Validation(split, target, rows, 6, "13a", CPU)(model, lambda: None)
    assert [scores.bleu, scores.exact_match] == pytest.approx([100.0, 100.0])
    # One sentence of four whose only reference is another; BLEU may count its words all the same.
    rows[2] = ("b a",)
    assert Validation(split, target, rows, 6, "13a", CPU)(model, lambda: None).exact_match == 75.0


def test_bleu_is_of_the_tokenization_asked_for(data: Path, model: Seq2Seq) -> None:
    found = {}
    for tokenize in ("13a", "char"):
        scores = Validation.open(data / "tokenized", data / "raw", 6, tokenize, CPU)(model, lambda: None)
        found[tokenize] = scores.bleu
        assert scores.bleu == pytest.approx(_bleu(data, model, tokenize))
    assert found["13a"] != found["char"]


def test_a_tokenization_that_cuts_nothing_is_said(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parallel.write(data / "raw/valid.jsonl", [Example(example.source, ("我很好。",)) for example in EXAMPLES])
    Validation.open(data / "tokenized", data / "raw", 6, "zh", CPU)
    assert capsys.readouterr().err == ""
    Validation.open(data / "tokenized", data / "raw", 6, "13a", CPU)
    assert capsys.readouterr().err.startswith("train: warning: BLEU's tokenization 13a takes a sentence")


def test_a_safe_point_may_raise(data: Path, model: Seq2Seq) -> None:
    def stop() -> None:
        raise SeqlabError("asked to stop")

    with pytest.raises(SeqlabError, match="asked to stop"):
        Validation.open(data / "tokenized", data / "raw", 6, "13a", CPU)(model, stop)


def test_files_that_do_not_belong_together(data: Path) -> None:
    parallel.write(data / "raw/valid.jsonl", EXAMPLES[:2])
    with pytest.raises(SeqlabError, match=r"valid has 4 sentences and .*valid.jsonl has 2"):
        Validation.open(data / "tokenized", data / "raw", 6, "13a", CPU)


@pytest.mark.parametrize("device", ["cpu", NAME])
def test_plain_is_plain_on_every_device(
    device: str, data: Path, model: Seq2Seq, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scores(engine: Engine, model: Seq2Seq) -> ValidationScores:
        return Validation.open(data / "tokenized", data / "raw", 6, "13a", engine)(model, lambda: None)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("not plain")

    expected = scores(CPU, model)
    for owner, name in ((Seq2Seq, "encode"), (Seq2Seq, "step"), (AheadModel, "__init__")):
        monkeypatch.setattr(owner, name, refuse)
    with simulated_device() if device == NAME else nullcontext():
        found = scores(PLAIN, model.to(device))
        with pytest.raises(AssertionError, match="not plain"):
            scores(CUDA, model)
    assert (found.bleu, found.exact_match) == (expected.bleu, expected.exact_match)
    assert found.loss == pytest.approx(expected.loss, rel=1e-5)
