"""The points of a run's curves: names as MLflow groups them, values as the outputs have them.

`train/…` and `valid/…` count optimizer steps; `epoch/…` has the same by epoch. `test/…` and `valid_best/…` are final
figures of the best checkpoint. MLflow draws a metric as a bar if all its points stand at step 0, else as a line, and
its sections in the order of their names: so final figures stand at step 0, and curves come first. `time/…` and
`system/…` are the journal's alone: no two executions share them. Values from the journal are rounded as the files' are,
so that a point is the same number whether it came while training went on or from the files afterwards.

MLflow's page of compared runs begins with the metric that a run got first: so BLEU goes before all others.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from seqlab.results.parsing import rows
from seqlab.results.scores import flat
from seqlab.tracking.foreign_schema import MOST_STEPS
from seqlab.tracking.journal.execution import Execution

STEP_COLUMNS = ("loss", "learning_rate", "gradient_norm", "teacher_forcing_ratio")
VALID_COLUMNS = ("bleu", "loss", "perplexity", "exact_match")
EPOCH_COLUMNS = ("train_loss", "train_nll", "valid_loss", "valid_perplexity", "valid_bleu", "valid_exact_match")
# Step of a figure that is one number for the whole run.
FINAL = 0
# What earlier versions called a metric, and what it is called now.
RENAMED = {f"best/valid_{name}": f"valid_best/{name}" for name in ("bleu", "loss", "perplexity")}
# In scores.json, but no score: the run has them as tags.
COUNTERS = ("examples", "measure")
# What a score comes with: its interval, and the same figure of the references.
BESIDE = ("low", "high", "references")

Key = tuple[str, int]


@dataclass(frozen=True)
class Point:
    """A value of metric `key` at `step`; `time`: when it came about, in seconds since the epoch."""

    key: str
    step: int
    value: float
    time: float


class Clock:
    """When each step and epoch was first reached, by the journal; later than `start` by its number in ms if unknown."""

    def __init__(self, executions: Iterable[Execution], start: float) -> None:
        self._start = start
        self._times: dict[tuple[str, int], float] = {}
        for event in _events(executions, "StepFinished", "EpochFinished"):
            self._times.setdefault((event["event"], int(event["point"]["step"])), event["time"])

    def __call__(self, event: str, step: int) -> float:
        """The time of `event` (a class of seqlab.training.events) at optimizer step `step`."""
        return self._times.get((event, step), self._start + step / 1000)


def curve_points(steps: str | None, curves: str | None, executions: list[Execution], clock: Clock) -> list[Point]:
    """The learning curves: from reports/steps.csv and curves.csv if training finished, else as far as the journal goes.

    Throughput and times are the journal's alone.
    """
    step_rows = rows(steps.encode()) if steps is not None else _points_of(executions, "StepFinished")
    epoch_rows = rows(curves.encode()) if curves is not None else _points_of(executions, "EpochFinished")
    points = [point for row in epoch_rows for point in _epoch_points(row, clock)]
    points += [point for row in step_rows for point in _step_points(row, clock)]
    points += _throughput(executions)
    return _once(points)


def training_points(training: str, time: float) -> list[Point]:
    """The validation of the best checkpoint, from reports/training.json."""
    best = json.loads(training)["best"]
    return _at(FINAL, time, {f"valid_best/{name}": best.get(name) for name in VALID_COLUMNS})


def score_points(scores: str, time: float) -> list[Point]:
    """The test set's scores, from reports/scores.json: scores with what they come with, and single figures."""
    found: dict[str, Any] = {}
    for name, value in flat(json.loads(scores)).items():
        if isinstance(value, dict):
            found |= {f"test/{name}": value.get("score")}
            found |= {f"test/{name}_{bound}": value[bound] for bound in BESIDE if bound in value}
        elif name not in COUNTERS:
            found[f"test/{name}"] = value
    return _at(FINAL, time, found)


def usage_points(execution: Execution) -> list[Point]:
    """What an execution took: seconds, and the most memory it held, in MiB."""
    found = {f"time/{execution.stage}_seconds": execution.usage.get("seconds")}
    found |= {f"system/{execution.stage}_peak_memory_mb": execution.usage.get("peak_memory_mb")}
    return _at(FINAL, execution.last_seen, found)


def _step_points(row: dict[str, Any], clock: Clock) -> list[Point]:
    step = int(row["step"])
    values = {f"train/{name}": row.get(name) for name in STEP_COLUMNS}
    return _at(step, clock("StepFinished", step), values)


def _epoch_points(row: dict[str, Any], clock: Clock) -> list[Point]:
    step = int(row["step"])
    time = clock("EpochFinished", step)
    values = {f"valid/{name}": row.get(f"valid_{name}") for name in VALID_COLUMNS}
    by_epoch = {f"epoch/{name}": row.get(name) for name in EPOCH_COLUMNS}
    return _at(step, time, values) + _at(int(row["epoch"]), time, by_epoch)


def _throughput(executions: list[Execution]) -> Iterator[Point]:
    for event in _events(executions, "StepFinished"):
        rate = {"time/tokens_per_second": event.get("tokens_per_second")}
        yield from _at(int(event["point"]["step"]), event["time"], rate)
    for event in _events(executions, "EpochFinished"):
        seconds = {f"time/epoch_{name}": event.get(name) for name in ("train_seconds", "valid_seconds")}
        yield from _at(int(event["point"]["epoch"]), event["time"], seconds)


def _points_of(executions: list[Execution], event: str) -> list[dict[str, Any]]:
    return [{key: _rounded(value) for key, value in each["point"].items()} for each in _events(executions, event)]


def _events(executions: Iterable[Execution], *names: str) -> Iterator[dict[str, Any]]:
    for execution in executions:
        yield from execution.events_of(*names)


def _at(step: int, time: float, values: dict[str, Any]) -> list[Point]:
    """Points at a step or an epoch.

    Raises:
        ValueError: no training has that one, so MLflow need not have a place for it.
    """
    if not 0 <= step <= MOST_STEPS:
        raise ValueError(f"step {step} is none that a training reaches")
    return [Point(key, step, number, time) for key, value in values.items() if (number := _number(value)) is not None]


def _rounded(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _number(value: Any) -> float | None:
    """The value as a number; None for what is no figure."""
    if isinstance(value, dict | list) or value is None or value == "":
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _once(points: Iterable[Point]) -> list[Point]:
    """The first of each metric and step: an interrupted training makes its last points again."""
    found: dict[Key, Point] = {}
    for point in points:
        found.setdefault((point.key, point.step), point)
    return list(found.values())
