import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqlab.core import parallel
from seqlab.core.errors import SeqlabError
from seqlab.evaluation.translation import Translation
from seqlab.evaluation.translator import Translator
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.encoded import open_split
from tests.evaluation.conftest import MAX_SOURCE_LENGTH, WORDS, examples, train_model

MODEL_PAGE = Path(__file__).parents[2] / "docs/model.md"
SENTENCES = [example.source for example in examples(25, seed=4)]


@pytest.fixture(scope="module")
def translator(root: Path) -> Translator:
    return Translator.load(root / "models/best")


def translate(
    translator: Translator, sentences: Sequence[str], beam_size: int = 1, batch_size: int = 8, n_best: int = 1
) -> list[list[Translation]]:
    return translator.translate(
        sentences, beam_size=beam_size, length_penalty=1.0, max_length=30, batch_size=batch_size, n_best=n_best
    )


def texts(translations: Sequence[Sequence[Translation]]) -> list[list[str]]:
    return [[each.text for each in best] for best in translations]


def scores(translations: Sequence[Sequence[Translation]]) -> list[float]:
    return [each.score for best in translations for each in best]


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("batch_size", [2, 7, 100])
def test_batches_give_what_each_sentence_gives_alone(root: Path, beam_size: int, batch_size: int) -> None:
    translator = Translator.load(root / "models/best")
    # In float32, sums in another order move a log probability of 30 tokens by 1e-5; nothing else may move it.
    assert isinstance(translator.model, Seq2Seq)
    translator.model.double()
    alone = [translate(translator, [sentence], beam_size, n_best=beam_size)[0] for sentence in SENTENCES]
    together = translate(translator, SENTENCES, beam_size, batch_size, n_best=beam_size)
    assert texts(together) == texts(alone)
    assert scores(together) == pytest.approx(scores(alone), abs=1e-9)
    assert len({text for best in texts(together) for text in best}) > 10


def test_the_model_has_learnt_something(root: Path, translator: Translator) -> None:
    # The other tests would say little of a model that writes the same for every sentence.
    test_set = list(parallel.read(root / "data/raw/test.jsonl"))
    found = texts(translate(translator, [example.source for example in test_set]))
    assert sum(best[0] in example.references for best, example in zip(found, test_set, strict=True)) > len(test_set) / 2


def test_n_best_are_distinct_hypotheses_best_first(translator: Translator) -> None:
    best = translate(translator, SENTENCES, beam_size=4)
    n_best = translate(translator, SENTENCES, beam_size=4, n_best=3)
    assert [each[0] for each in n_best] == [each[0] for each in best]
    assert all(len(each) == 3 for each in n_best)
    with pytest.raises(ValueError, match="n_best"):
        translate(translator, SENTENCES, beam_size=1, n_best=2)


def test_score_is_the_log_probability_of_the_translation(translator: Translator) -> None:
    for sentence in SENTENCES[:5]:
        greedy, beam = (translate(translator, [sentence], beam_size)[0][0] for beam_size in (1, 3))
        # The length penalty ranks, but is no part of the score.
        if greedy.text == beam.text:
            assert greedy.score == pytest.approx(beam.score, abs=1e-4)
        assert greedy.score < 0
        assert beam.score < 0


def test_the_program_of_the_page_on_the_model(
    root: Path, translator: Translator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [program] = re.findall(r"^```python\n(.*?)^```$", MODEL_PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(root)
    names: dict[str, object] = {}
    exec(program, names)  # noqa: S102 (it is ours)
    [[expected]] = translate(translator, ["The black cat sleeps."], beam_size=5)
    assert capsys.readouterr().out == f"{expected.text} {expected.score}\n"
    assert isinstance(names["model"], Seq2Seq)


def test_no_sentences(translator: Translator) -> None:
    assert translate(translator, []) == []


@pytest.mark.parametrize("beam_size", [1, 2])
def test_an_empty_sentence_has_the_empty_translation(translator: Translator, beam_size: int) -> None:
    expected = translate(translator, SENTENCES[:2], beam_size)
    assert translate(translator, ["", *SENTENCES[:2], ""], beam_size) == [
        [Translation("", 0.0)],
        *expected,
        [Translation("", 0.0)],
    ]
    assert translate(translator, [""], beam_size, n_best=beam_size) == [[Translation("", 0.0)]]


def test_sentences_are_cut_where_tokenize_cuts_them(root: Path, translator: Translator) -> None:
    sources = [example.source for example in parallel.read(root / "data/raw/test.jsonl")]
    split = open_split(root / "data/tokenized/test")
    encoded = translator.encode(sources)
    assert encoded == [split.source(row).tolist() for row in range(len(split))]
    assert max(map(len, encoded)) == MAX_SOURCE_LENGTH
    long = " ".join(["nuit"] * MAX_SOURCE_LENGTH)
    assert translate(translator, [f"{long} la la"]) == translate(translator, [long])
    assert translate(translator, [long[5:]]) != translate(translator, [long])


def test_attention_of_the_rows_asked_for(translator: Translator) -> None:
    found = translator.translate(
        SENTENCES, beam_size=1, length_penalty=1.0, max_length=30, batch_size=6, attention_of={2, 5, 24}
    )
    assert [row for row, best in enumerate(found) if best[0].attention] == [2, 5, 24]
    assert texts(found) == texts(translate(translator, SENTENCES))
    for row in (2, 5, 24):
        attention = found[row][0].attention
        assert attention is not None
        ids = translator.encode([SENTENCES[row]])[0]
        assert attention.source_tokens == [*translator.source.pieces(ids), "</s>"]
        assert attention.translation_tokens == translator.target.pieces(
            translator.target.encode([found[row][0].text])[0]
        )
        assert len(attention.weights) == len(attention.translation_tokens)
        # Padding has no weight: what is left of a row after its columns are cut off still sums to 1.
        assert [sum(weights) for weights in attention.weights] == pytest.approx([1.0] * len(attention.weights))
        assert {len(weights) for weights in attention.weights} == {len(ids) + 1}


def test_attention_is_each_hypothesis_own(translator: Translator) -> None:
    best, second = translator.translate(
        SENTENCES[:1], beam_size=2, n_best=2, length_penalty=1.0, max_length=30, batch_size=1, attention_of={0}
    )[0]
    assert best.attention is not None
    assert second.attention is not None
    assert best.attention.translation_tokens != second.attention.translation_tokens


def test_a_model_without_attention_has_no_map(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "data", tmp_path / "data")
    train_model(tmp_path, attention="none", steps=0)
    found = Translator.load(tmp_path / "models/best").translate(
        SENTENCES[:2], beam_size=1, length_penalty=1.0, max_length=5, batch_size=2, attention_of={0, 1}
    )
    assert [best[0].attention for best in found] == [None, None]


def test_on_batch_counts_sentences(translator: Translator) -> None:
    counted: list[int] = []
    translator.translate(
        [*SENTENCES[:7], ""], beam_size=1, length_penalty=1.0, max_length=5, batch_size=3, on_batch=counted.append
    )
    assert counted == [3, 3, 1]


@settings(deadline=None, max_examples=25)
@given(st.lists(st.text() | st.sampled_from([*WORDS, "</s>", "<pad>", "\x00", "\u202e", "⁇", "￭"]), max_size=6))
def test_any_text_can_be_translated(translator: Translator, sentences: list[str]) -> None:
    found = translate(translator, sentences)
    assert [len(best) for best in found] == [1] * len(sentences)


def test_a_huge_sentence(translator: Translator) -> None:
    assert len(translate(translator, ["nuit " * 100_000, "猫" * 100_000])) == 2


def test_memory_that_is_not_there(translator: Translator) -> None:
    with pytest.raises(SeqlabError, match="of 2 sentences, beam size 1000000000000, max_length 30: lower"):
        translate(translator, SENTENCES[:2], beam_size=10**12)


def test_invalid_unicode_is_refused(translator: Translator) -> None:
    with pytest.raises(SeqlabError, match="not valid Unicode"):
        translate(translator, ["la", "\udcff"])


def test_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(SeqlabError, match="no checkpoint"):
        Translator.load(tmp_path / "models/best")


def test_a_checkpoint_with_other_tokenizers(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "best"
    shutil.copytree(root / "models/best", folder)
    tokenizer = folder / "tokenizer"
    config = json.loads((tokenizer / "config.json").read_text("utf-8"))
    # The source side's model on both sides, rightly described: another vocabulary than the model's.
    config["target"] = config["source"]
    (tokenizer / "config.json").write_text(json.dumps(config), "utf-8")
    shutil.copy(tokenizer / "source.model", tokenizer / "target.model")
    with pytest.raises(SeqlabError, match="the tokenizers know"):
        Translator.load(folder)
