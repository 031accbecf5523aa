"""Attention maps as tables: rows are tokens of the translation, columns tokens of the source."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqlab.pages.visible import clip, visible
from seqlab.results.records import AttentionMap

# A map of more tokens is cut: 60 × 60 cells are already more than a screen shows.
MAX_TOKENS = 60
MAX_TOKEN_CHARACTERS = 24
# Marks where a word token joins its neighbour; few fonts have it.
JOINER = "\uffed"
# Weights below are left blank: a page of zeros hides what matters.
SMALLEST_SHOWN = 0.05


@dataclass(frozen=True, slots=True)
class Cell:
    """A weight for the style sheet (0–1) and for people (percent, empty where negligible)."""

    weight: str
    percent: str


@dataclass(frozen=True)
class AttentionTable:
    """An attention map made fit to show, and how many tokens of each side were left out."""

    source: list[str]
    rows: list[tuple[str, list[Cell]]]
    source_left_out: int
    translation_left_out: int


def spread(maps: Sequence[AttentionMap], count: int) -> list[AttentionMap]:
    """Up to `count` maps, from the shortest source to the longest, evenly spaced between; none of an empty output."""
    ordered = sorted(
        (attention for attention in maps if attention.weights), key=lambda attention: len(attention.source_tokens)
    )
    kept = min(count, len(ordered))
    return [ordered[index * (len(ordered) - 1) // max(1, kept - 1)] for index in range(kept)]


def attention_table(attention: AttentionMap) -> AttentionTable:
    """Cut a map to `MAX_TOKENS` on each side and round its weights to whole percent."""
    source, translation = attention.source_tokens, attention.translation_tokens
    rows = [
        (_token(token), [_cell(weight) for weight in weights[:MAX_TOKENS]])
        for token, weights in zip(translation[:MAX_TOKENS], attention.weights, strict=False)
    ]
    left_out = (max(0, len(tokens) - MAX_TOKENS) for tokens in (source, translation))
    return AttentionTable([_token(token) for token in source[:MAX_TOKENS]], rows, *left_out)


def _cell(weight: float) -> Cell:
    bounded = min(1.0, max(0.0, weight))
    return Cell(f"{bounded:.2f}", f"{100 * bounded:.0f}" if bounded >= SMALLEST_SHOWN else "")


def _token(token: str) -> str:
    shown, left_out = clip(token, MAX_TOKEN_CHARACTERS)
    return visible(shown).replace(JOINER, "·") + ("…" if left_out else "")
