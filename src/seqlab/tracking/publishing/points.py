"""The points of a run's metrics in MLflow, each sent once.

MLflow keeps every point that it is sent: points are told apart by metric and step before they are sent, and each has
one fixed time, so that two publishers of one journal send the same point. Another machine that trains the same recipe
has another clock: where the run's last value of a metric is not what was sent from here, what it has is read again.
"""

import time
from typing import TYPE_CHECKING

from seqlab.tracking.journal.points import FINAL, Key
from seqlab.tracking.journal.record import RunRecord

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

BATCH_POINTS = 1000
# Seconds that a run's steps wait for its first validation: MLflow's page of compared runs begins with what a run got
# first, and people look for BLEU there. Whoever trains longer epochs wants to see them.
PATIENCE = 120.0


class Points:
    """Sends points, and remembers which a run has."""

    def __init__(self, client: "MlflowClient") -> None:
        self._client = client
        # Of the runs that this object brought up to date; and the value of each metric's last point, as it was sent.
        self._published: dict[str, set[Key]] = {}
        self._last: dict[str, dict[str, float]] = {}

    def publish(self, run: "Run", record: RunRecord, *, created: bool) -> bool:
        """Send the points that the run lacks; return whether there were any. A run that was just `created` has none."""
        from mlflow.entities import Metric

        run_id = run.info.run_id
        if created:
            self._published[run_id] = set()
            self._last[run_id] = {}
        elif run_id not in self._published or self._has_others(run):
            self._published[run_id] = self._history(run, record)
            self._last[run_id] = dict(run.data.metrics)
        present = self._published[run_id]
        if not present and _waits(record):
            return False
        # A final figure has one point, even if an earlier version put it at another step.
        keys = {key for key, _ in present}
        missing = [
            point
            for point in record.points
            if (point.key, point.step) not in present and not (point.step == FINAL and point.key in keys)
        ]
        for start in range(0, len(missing), BATCH_POINTS):
            batch = missing[start : start + BATCH_POINTS]
            metrics = [Metric(each.key, each.value, milliseconds(each.time), each.step) for each in batch]
            self._client.log_batch(run_id, metrics=metrics)
            present |= {(each.key, each.step) for each in batch}
        self._last[run_id] |= {each.key: each.value for each in sorted(missing, key=lambda each: each.step)}
        return bool(missing)

    def forget(self, run: "Run") -> None:
        """Look at what the run has before anything is sent again."""
        self._published.pop(run.info.run_id, None)

    def _has_others(self, run: "Run") -> bool:
        """Whether somebody else sent points to the run since this object did."""
        last = self._last[run.info.run_id]
        return any(last.get(key) != value for key, value in run.data.metrics.items())

    def _history(self, run: "Run", record: RunRecord) -> set[Key]:
        keys = sorted({point.key for point in record.points} & set(run.data.metrics))
        return {(key, each.step) for key in keys for each in self._client.get_metric_history(run.info.run_id, key)}


def _waits(record: RunRecord) -> bool:
    """Whether a run has just begun, and was not validated yet."""
    is_new = record.status == "RUNNING" and time.time() - record.started < PATIENCE
    return is_new and not any(point.key.startswith("valid/") for point in record.points)


def milliseconds(seconds: float) -> int:
    """A time as MLflow has it."""
    return round(seconds * 1000)
