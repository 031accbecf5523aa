"""A listener that writes the learning curves: reports/curves.csv, steps.csv and training.json."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from seqlab.core.atomic import write_json, write_text
from seqlab.training.curves import EpochPoint, StepPoint
from seqlab.training.events import EpochFinished, Event, StepFinished, TrainingFinished, TrainingStarted

CURVES, STEPS, METRICS = FILES = ("curves.csv", "steps.csv", "training.json")


class History:
    """Collects the points; writes them after each epoch and at the end, so that a failed training has curves too."""

    def __init__(self, folder: Path, started_from: Mapping[str, Any] | None = None) -> None:
        """Write to `folder`; `started_from` is what training.json says of the checkpoint that training starts from."""
        self._folder = folder
        self._started_from = started_from
        self._steps: list[StepPoint] = []
        self._epochs: list[EpochPoint] = []

    def __call__(self, event: Event) -> None:
        """Take in an event of the training loop."""
        match event:
            case TrainingStarted():
                self._steps, self._epochs = list(event.step_points), list(event.epoch_points)
            case StepFinished():
                self._steps.append(event.point)
            case EpochFinished():
                self._epochs.append(event.point)
                self._write_curves()
            case TrainingFinished():
                self._write_curves()
                self._write_metrics(event)

    def _write_curves(self) -> None:
        write_text(self._folder / CURVES, _table(EpochPoint, self._epochs))
        write_text(self._folder / STEPS, _table(StepPoint, self._steps))

    def _write_metrics(self, event: TrainingFinished) -> None:
        scores = event.best.scores
        metrics: dict[str, Any] = {
            "best": {
                "epoch": event.best.epoch,
                "step": event.best.step,
                "bleu": _figure(scores.bleu),
                "exact_match": _figure(scores.exact_match),
                "loss": _figure(scores.loss),
                "perplexity": _figure(scores.perplexity),
            },
            "epochs": event.epochs,
            "steps": event.steps,
            "stopped_early": event.stopped_early,
            "parameters": event.parameters,
            "clipped_steps": event.clipped_steps,
            "largest_gradient_norm": _figure(event.largest_gradient_norm),
        }
        if len(event.kept) > 1:
            metrics["kept"] = list(event.kept)
        if self._started_from is not None:
            scores_before = {name: _figure(value) for name, value in self._started_from["valid"].items()}
            metrics["started_from"] = {**self._started_from, "valid": scores_before}
        write_json(self._folder / METRICS, metrics)


def _table(row: type[StepPoint | EpochPoint], points: Iterable[StepPoint | EpochPoint]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(field.name for field in fields(row))
    writer.writerows([_figure(value) for value in astuple(point)] for point in points)
    return buffer.getvalue()


def _figure(value: float) -> float:
    """Six significant digits: more than float32 training carries meaning for."""
    return value if isinstance(value, int) else float(f"{value:.6g}")
