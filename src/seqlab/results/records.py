"""What the stages wrote, as records."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from seqlab.results.record import Record


def _empty_as_none(value: Any) -> Any:
    return None if value == "" else value


# An empty cell of a CSV file.
Number = Annotated[float | None, BeforeValidator(_empty_as_none)]
Bound = Annotated[int | None, BeforeValidator(_empty_as_none)]


class SourceFile(Record):
    """A file of the corpus as it was downloaded."""

    url: str
    sha256: str
    bytes: int


class SplitCounts(Record):
    """Size of a split, how many of its examples have a source text of train, and the sha256 of its file."""

    examples: int
    references: int
    sha256: str
    # Not of train, nor in the results of earlier versions.
    also_in_train: int | None = None


class Manifest(Record):
    """Where the corpus comes from, and under which terms."""

    corpus: str
    source: str
    target: str
    task: str
    licence: str
    citation: str | None = None
    origin: list[SourceFile]
    notes: list[str] = Field(default_factory=list)
    splits: dict[str, SplitCounts]

    @property
    def seen_in_training(self) -> str:
        """How much of the test set is in the training data too; empty where nothing is, or it was not counted."""
        test = self.splits.get("test")
        if test is None or not test.also_in_train:
            return ""
        share = 100 * test.also_in_train / max(1, test.examples)
        return (
            f"{test.also_in_train:,} of {test.examples:,} test examples ({share:.1f} %) have a source text that is in "
            "the training data too: the scores say how well it is remembered as well"
        )


class Checkpoint(Record):
    """The best checkpoint, and its validation."""

    epoch: int
    step: int
    loss: Number = None
    perplexity: Number = None
    bleu: Number = None
    # Not in the results of earlier versions.
    exact_match: Number = None


class ValidationScores(Record):
    """Validation scores of some parameters."""

    loss: Number
    bleu: Number


class StartedFrom(Record):
    """The checkpoint that training started from: its name here, its run if that is known, its scores on this text."""

    origin: str
    run: str | None = None
    valid: ValidationScores


class Training(Record):
    """How training went; `parameters` counts the model's weights, gradient norms are before clipping.

    `kept` are the epochs whose parameters are kept, best first, where they are several; `started_from` is there where
    training did not start from random parameters.
    """

    best: Checkpoint
    kept: list[int] = Field(default_factory=list)
    epochs: int
    steps: int
    stopped_early: bool
    parameters: int
    clipped_steps: int
    largest_gradient_norm: Number
    started_from: StartedFrom | None = None


class Epoch(Record):
    """A row of the learning curves."""

    epoch: int
    step: int
    train_nll: Number
    valid_loss: Number
    valid_perplexity: Number
    valid_bleu: Number
    # Not in the results of earlier versions.
    valid_exact_match: Number = None
    learning_rate: Number
    teacher_forcing_ratio: Number
    gradient_norm: Number


class Step(Record):
    """A row of the step curves."""

    step: int
    loss: Number
    learning_rate: Number
    teacher_forcing_ratio: Number
    gradient_norm: Number


class LengthBucket(Record):
    """Scores of the test sentences whose source has `low` to `high` of `unit`; `bleu` is None where there are none."""

    bucket: str
    low: int
    high: Bound
    examples: int
    bleu: Number
    bleu_low: Number
    bleu_high: Number
    # Results of earlier versions count words, without a word about it, and have no exact match.
    unit: str = "words"
    exact_match: Number = None


class Exposure(Record):
    """Losses of the true token at a target position: after the true prefix, and after the model's own."""

    position: int
    tokens: int
    gold_nll: Number
    own_nll: Number


class NBest(Record):
    """One of several translations of a source."""

    translation: str
    score: float


class Translation(Record):
    """A test sentence, its references, and its translation: `score` is its log probability, `bleu` sentence BLEU."""

    source: str
    # A list ends with the first that is wrong: each has errors of its own, and whoever compares reads files of others.
    references: list[str] = Field(min_length=1, fail_fast=True)
    translation: str
    score: float
    bleu: float
    n_best: list[NBest] = Field(default_factory=list, fail_fast=True)


class AttentionMap(Record):
    """Attention weights, (translation tokens, source tokens); each row sums to 1."""

    source_tokens: list[str]
    translation_tokens: list[str]
    weights: list[list[float]]
