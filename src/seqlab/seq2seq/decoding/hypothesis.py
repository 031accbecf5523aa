"""What a search returns."""

from dataclasses import dataclass

from torch import Tensor


@dataclass
class Hypothesis:
    """A translation.

    Attributes:
        tokens: Ids, without SOS and EOS.
        score: What the search ranked by: the log probability over its length penalty.
        log_probability: Sum of the natural logarithms of the tokens' probabilities, that of EOS included where the
            hypothesis ended.
        attention: (tokens, source_len) weights on the CPU, the row of EOS left out; None where not asked for, or where
            the model has none.
    """

    tokens: list[int]
    score: float
    log_probability: float
    attention: Tensor | None = None
