"""A model, and pairs of sources and targets as token numbers without special tokens, for losses told one by one."""

from collections.abc import Iterator, Sequence

import torch
from torch.nn.utils.rnn import pad_sequence

from seqlab.core.special_tokens import EOS
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import Batch
from tests.seq2seq.model.tiny import untrained_model

PAIRS = [([5, 6, 7], [8, 9]), ([4], [6, 5, 4, 10]), ([], []), ([9, 9], [7])]


def make_model(*, input_feeding: bool = False) -> Seq2Seq:
    """For tokens below 11 and 12, in float64; its dropout must not be in any loss here."""
    return untrained_model(
        source_vocab_size=11,
        target_vocab_size=12,
        cell="lstm",
        embedding_size=5,
        hidden_size=6,
        bidirectional=True,
        dropout=0.5,
        attention="dot",
        input_feeding=input_feeding,
    ).double()


def batches(size: int) -> Iterator[Batch]:
    """All pairs, in batches of `size`."""
    for start in range(0, len(PAIRS), size):
        yield batch_of(PAIRS[start : start + size])


def batch_of(pairs: Sequence[tuple[list[int], list[int]]]) -> Batch:
    """Pairs as one batch."""
    sides = [[torch.tensor([*pair[side], EOS]) for pair in pairs] for side in (0, 1)]
    padded = [pad_sequence(side, batch_first=True) for side in sides]
    lengths = [torch.tensor([len(text) for text in side]) for side in sides]
    return Batch(padded[0], lengths[0], padded[1], lengths[1], torch.arange(len(pairs)))
