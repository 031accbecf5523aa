"""The encoding that ours is timed against gives the same tokens, and the generated split is one that training takes."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.data import (
    LONGEST,
    VOCABULARY,
    encode_plainly,
    encode_split,
    one_at_a_time,
    write_split,
    write_tokenizer,
)
from benchmarks.measure import ROOT
from seqlab.core import parallel
from seqlab.core.special_tokens import SPECIAL_TOKENS
from seqlab.corpus.grammar.grammar import generate
from seqlab.params.params import load_params
from seqlab.text.encoded import open_split
from seqlab.text.tokenizer import load_tokenizers
from seqlab.tokenizing.vocabulary import train_model


@pytest.mark.parametrize("kind", ["bpe", "unigram", "char"])
def test_plain_encoding_is_ours(kind: str, tmp_path: Path) -> None:
    params = load_params(ROOT / "params.yaml")
    grammar = params.corpus.grammar.model_copy(update={"train_size": 200, "valid_size": 1, "test_size": 1})
    path = tmp_path / "train.jsonl"
    parallel.write(path, generate(grammar, "en", "fr")["train"])
    texts = [text for example in parallel.read(path) for text in (example.source, *example.references)]
    model = train_model(texts, kind, 300, "the grammar")
    encode_split(params, kind, model, path, tmp_path)
    encode_plainly(one_at_a_time(kind, model), path, tmp_path)
    for side in ("source", "target"):
        assert np.array_equal(np.load(tmp_path / f"{side}_tokens.npy"), np.load(tmp_path / f"{side}.npy"))


def test_a_generated_split_is_sound(tmp_path: Path) -> None:
    write_tokenizer(tmp_path / "tokenizer")
    write_split(tmp_path / "train", 1000)
    split = open_split(tmp_path / "train")
    split.require_vocabularies(*(side.vocab_size for side in load_tokenizers(tmp_path / "tokenizer")))
    assert len(split) == 1000
    assert 0 < split.source_lengths.min() <= split.target_lengths.max() <= LONGEST
    assert 12 < split.source_lengths.mean() < 15
    tokens = np.load(tmp_path / "train" / "source_tokens.npy")
    assert tokens.min() == len(SPECIAL_TOKENS)
    assert VOCABULARY - 100 < tokens.max() < VOCABULARY
