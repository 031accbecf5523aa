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


class Store(Client):
    """Keeps every point that it is sent, as MLflow does; `run` is what it answers."""

    def __init__(self) -> None:
        super().__init__()
        self.points: list[Any] = []
        self.asked = 0

    def log_batch(self, run: str, metrics: list[Any]) -> None:
        """As `MlflowClient.log_batch`."""
        super().log_batch(run, metrics)
        self.points += metrics

    def get_metric_history(self, _: str, key: str) -> list[Any]:
        """As `MlflowClient.get_metric_history`."""
        self.asked += 1
        return [each for each in self.points if each.key == key]

    @property
    def run(self) -> Any:
        """The run, with the value of each metric's last step."""
        last = {each.key: each.value for each in sorted(self.points, key=lambda each: each.step)}
        return SimpleNamespace(info=SimpleNamespace(run_id="1"), data=SimpleNamespace(metrics=last))


def curve(steps: int, machine: float) -> list[Point]:
    """As far as a machine got, with the times of its own clock."""
    return [
        point
        for step in range(10, 10 * steps + 1, 10)
        for point in (Point("valid/bleu", step, 2.0 * step, machine + step), Point("valid/loss", step, 1.0, machine))
    ]


def test_two_machines_that_train_one_recipe_send_each_point_once() -> None:
    store = Store()
    here, there = Points(cast(Any, store)), Points(cast(Any, store))
    here.publish(store.run, record(*curve(1, 0.0)), created=True)
    there.publish(store.run, record(*curve(1, 9.0)), created=False)
    # Now one is ahead, now the other.
    for steps, publisher, machine in (
        (2, here, 0.0),
        (2, there, 9.0),
        (3, there, 9.0),
        (4, here, 0.0),
        (5, there, 9.0),
    ):
        publisher.publish(store.run, record(*curve(steps, machine)), created=False)
    sent = [(each.key, each.step) for each in store.points]
    assert sorted(sent) == sorted({(point.key, point.step) for point in curve(5, 0.0)})


def test_alone_it_asks_for_nothing_again() -> None:
    store = Store()
    points = Points(cast(Any, store))
    points.publish(store.run, record(*curve(1, 0.0)), created=True)
    for steps in (2, 3, 4):
        points.publish(store.run, record(*curve(steps, 0.0)), created=False)
    assert (store.asked, len(store.points)) == (0, 8)
