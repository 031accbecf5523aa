"""A translation, and what the model looked at while it wrote it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AttentionMap:
    """Attention weights (translation tokens, source tokens); each row sums to 1."""

    source_tokens: list[str]
    translation_tokens: list[str]
    weights: list[list[float]]


@dataclass(frozen=True, slots=True)
class Translation:
    """A detokenized translation and its log probability (natural logarithm, end of sentence included)."""

    text: str
    score: float
    attention: AttentionMap | None = None
