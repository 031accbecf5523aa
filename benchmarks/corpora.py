"""What the benchmarks train on: generated pairs of one length or of real lengths, or Multi30k itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import ROOT
from benchmarks.multi30k import download_multi30k, lengths_alike
from seqlab.core.special_tokens import SPECIAL_TOKENS
from seqlab.params.params import load_params
from seqlab.text.encoded import EncodedSplit, open_split
from seqlab.text.sequences import write_sequences
from seqlab.text.tokenizer import load_tokenizers
from seqlab.tokenizing.build import build as tokenize

LENGTH = 15
VOCABULARY = 6000
PAIRS = 29_000
MEAN, DEVIATION = 15.0, 5.0


@dataclass(frozen=True)
class Corpus:
    """A training split, and the size of the vocabulary that both sides share."""

    split: EncodedSplit
    vocabulary: int


def equal_lengths(folder: Path, pairs: int) -> Corpus:
    """Pairs of random tokens, LENGTH on both sides, EOS included."""
    lengths = np.full(pairs, LENGTH - 1)
    return _written(folder, lengths, lengths)


def real_lengths(folder: Path) -> Corpus:
    """Multi30k, German to English, if SEQLAB_CORPUS_MIRROR says where it is; else pairs with lengths like its.

    Those are log-normal with mean MEAN and standard deviation DEVIATION, EOS included, and a target is about as long as
    its source.
    """
    if (raw := download_multi30k(folder)) is not None:
        return _tokenized(raw, folder)
    generator = np.random.default_rng(1)
    sources = lengths_alike(generator, MEAN, DEVIATION, PAIRS)
    targets = sources * generator.normal(1, 0.15, PAIRS)
    return _written(folder, *(np.clip(lengths.round().astype(int) - 1, 2, 60) for lengths in (sources, targets)))


def _written(folder: Path, sources: NDArray[np.int64], targets: NDArray[np.int64]) -> Corpus:
    generator = np.random.default_rng(2)
    for name, lengths in (("source", sources), ("target", targets)):
        tokens = generator.integers(len(SPECIAL_TOKENS), VOCABULARY, int(lengths.sum()))
        with write_sequences(folder, name, VOCABULARY) as writer:
            writer.append([part.tolist() for part in np.split(tokens, np.cumsum(lengths)[:-1])])
    return Corpus(open_split(folder), VOCABULARY)


def _tokenized(raw: Path, folder: Path) -> Corpus:
    changes: dict[str, Any] = {"kind": "bpe", "vocab_size": VOCABULARY, "vocabulary": "joint"}
    tokenizer = load_params(ROOT / "params.yaml").tokenizer.model_copy(update=changes)
    tokenized = folder / "tokenized"
    tokenize(tokenizer, raw, tokenized, folder / "statistics.json")
    return Corpus(open_split(tokenized / "train"), load_tokenizers(tokenized / "tokenizer")[0].vocab_size)
