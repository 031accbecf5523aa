"""What the training loop asks of a validator, which is handed in."""

from collections.abc import Callable
from dataclasses import dataclass

from seqlab.seq2seq.model.seq2seq import Seq2Seq


@dataclass(frozen=True, slots=True)
class ValidationScores:
    """Scores on the validation set.

    `loss` (nats per target token, no label smoothing) and `perplexity` are under full teacher forcing; `bleu` and
    `exact_match` (both 0–100) are of translations made without teacher forcing.
    """

    loss: float
    perplexity: float
    bleu: float
    exact_match: float


# Scores a model. The second argument is to be called between batches: a point at which training may stop.
Validator = Callable[[Seq2Seq, Callable[[], None]], ValidationScores]
