"""What a run gets first in MLflow, while it trains: BLEU, by which its page of compared runs begins."""

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from seqlab.tracking.journal.points import Point
from seqlab.tracking.publishing.points import PATIENCE, Points

RUN: Any = SimpleNamespace(info=SimpleNamespace(run_id="1"), data=SimpleNamespace(metrics={}))
STEP, VALIDATION = Point("train/loss", 1, 4.5, 0.0), Point("valid/bleu", 10, 12.0, 0.0)


class Client:
    """Remembers what it was sent."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def log_batch(self, _: str, metrics: list[Any]) -> None:
        """As `MlflowClient.log_batch`."""
        self.keys += [metric.key for metric in metrics]


def record(*points: Point, age: float = 0.0, status: str = "RUNNING") -> Any:
    return SimpleNamespace(points=list(points), status=status, started=time.time() - age)


def test_the_steps_of_a_new_run_wait_for_its_first_validation() -> None:
    client = Client()
    points = Points(cast(Any, client))
    assert not points.publish(RUN, record(STEP), created=True)
    assert client.keys == []
    assert points.publish(RUN, record(VALIDATION, STEP), created=False)
    assert client.keys == ["valid/bleu", "train/loss"]
    assert points.publish(RUN, record(VALIDATION, STEP, Point("train/loss", 2, 4.0, 0.0)), created=False)


@pytest.mark.parametrize("changes", [{"age": PATIENCE + 1}, {"status": "FAILED"}])
def test_not_for_long_and_not_once_it_has_ended(changes: dict[str, Any]) -> None:
    client = Client()
    assert Points(cast(Any, client)).publish(RUN, record(STEP, **changes), created=True)
    assert client.keys == ["train/loss"]
