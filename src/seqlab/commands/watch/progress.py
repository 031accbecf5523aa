"""How far an execution is: epoch, step, curves, pace and time left, by its journal."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from seqlab.evaluation.scoring.measure import measure
from seqlab.results.metrics import BLEU, Metric, measure_named
from seqlab.tracking.journal.execution import Execution

# Larger losses and counts have no place in a curve, nor in the sums behind it.
LARGEST = 1e12
# A hundred years.
LONGEST_SECONDS = 100 * 366 * 86400


@dataclass(frozen=True)
class Progress:
    """Of a training: optimizer steps done and in all, the curves so far, and what is left; of other stages, zeros.

    `losses` are of the training, one each `train.log_every` steps, `scores` of the validation, one an epoch, by
    the `measure` of the corpus.
    `tokens_per_second` and `seconds_left` are None as long as nothing is known.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    losses: tuple[float, ...]
    measure: Metric
    scores: tuple[float, ...]
    tokens_per_second: float | None
    seconds_left: float | None


def progress(execution: Execution) -> Progress:
    """What the journal says; numbers that are none, as in a journal that somebody damaged, are passed over."""
    start = next(execution.events_of("TrainingStarted"), {})
    points = [(event, event["point"]) for event in execution.events_of("StepFinished", "EpochFinished")]
    reached = [start, *(point for _, point in points)]
    step, first = (int(max(_numbers(reached[:most], "step"), default=0)) for most in (None, 1))
    epochs = int(max(_numbers([start], "epochs"), default=0))
    steps = epochs * int(max(_numbers([start], "steps_per_epoch"), default=0))
    seconds = max(_numbers((event for event, _ in points), "time"), default=0.0) - start.get("time", 0.0)
    metric = _measure(execution)
    per_step = seconds / (step - first) if step > first else None
    left = per_step * max(0, steps - step) if per_step is not None else None
    return Progress(
        epoch=int(max(_numbers(reached, "epoch"), default=0)),
        epochs=epochs,
        step=step,
        steps=steps,
        losses=tuple(_numbers((point for _, point in points), "loss")),
        measure=metric,
        scores=tuple(_numbers((point for _, point in points), f"valid_{metric.key}")),
        tokens_per_second=next(reversed([*_numbers((event for event, _ in points), "tokens_per_second")]), None),
        seconds_left=left if left is None or 0 <= left < LONGEST_SECONDS else None,
    )


def _measure(execution: Execution) -> Metric:
    try:
        return measure_named(measure(execution.header["recipe"]["evaluate"]["corpus"]["name"]))
    except (KeyError, TypeError):
        # The recipe of another version.
        return BLEU


def _numbers(records: Iterable[dict[str, Any]], name: str) -> Iterator[float]:
    values = (record.get(name) for record in records)
    return (value for value in values if isinstance(value, int | float) and abs(value) < LARGEST)
