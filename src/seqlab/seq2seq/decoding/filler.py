"""Rows that keep a batch from becoming small.

A matrix product of a dozen rows or fewer takes another path through the BLAS than one of many, and rounds otherwise;
so does a softmax over a dozen places. A sentence translated alone would then differ from the same sentence in a batch
in the last bits of its scores, and where two words nearly tie, in its words. With a few rows more, its numbers are the
same bits (tried: MKL with AVX-512, float32, products over up to 768 terms); elsewhere they agree up to rounding.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.core.special_tokens import PAD

ROWS = 16
_PLACES = 16


def with_filler(source: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """A batch with ROWS copies of its longest sentence after it, as wide as a multiple of 16.

    The copies are one token longer: in a batch of sentences of one length an LSTM rounds otherwise, too.

    Args:
        source: (batch, source_len).
        lengths: (batch,).
    """
    longest = int(lengths.argmax())
    source = torch.cat([source, source[longest].expand(ROWS, -1)])
    lengths = torch.cat([lengths, (lengths[longest] + 1).expand(ROWS)])
    return F.pad(source, (0, _PLACES - source.shape[1] % _PLACES), value=PAD), lengths
