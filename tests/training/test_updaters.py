"""The engine that was chosen makes every step, and every loss of validation."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from seqlab.seq2seq.checkpoint import load_checkpoint
from seqlab.seq2seq.engines import choice
from seqlab.seq2seq.engines.choice import FAST, PLAIN
from seqlab.seq2seq.engines.engine import LossOutput
from seqlab.training.update import Updater
from seqlab.training.updaters import UPDATERS, make_updater
from tests.training.conftest import STEPS_PER_EPOCH, make_model, make_params
from tests.training.test_run import Trainings


def test_every_engine_has_an_updater() -> None:
    assert UPDATERS.keys() == {engine.name for engine in (PLAIN, *FAST.values())}


def test_the_updater_follows_from_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    class Whole(Updater):
        """Makes whole steps of its own."""

    monkeypatch.setitem(UPDATERS, "whole", Whole)
    params = make_params()
    model = make_model(params, 9, 9)
    assert type(make_updater(replace(PLAIN, name="whole"), model, params.train, 1)) is Whole
    assert type(make_updater(PLAIN, model, params.train, 1)) is Updater


@pytest.mark.parametrize("engine", ["plain", "fast"])
def test_the_engine_of_the_parameters_computes_every_loss(
    engine: str, trainings: Trainings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, bool]] = []

    def counting(name: str) -> None:
        counted = PLAIN if name == "plain" else FAST["cpu"]

        def loss(*args: Any, **options: Any) -> LossOutput:
            asked.append((name, torch.is_grad_enabled()))
            return counted.loss(*args, **options)

        if name == "plain":
            monkeypatch.setattr(choice, "PLAIN", replace(counted, loss=loss))
        else:
            monkeypatch.setitem(FAST, "cpu", replace(counted, loss=loss))

    counting("plain")
    counting("fast")
    trainings("spied")(make_params(runtime={"engine": engine}))
    # After each epoch one batch of validation.
    assert asked == 3 * ([(engine, True)] * STEPS_PER_EPOCH + [(engine, False)])


def test_the_plain_engine_trains_the_same_model(trainings: Trainings) -> None:
    model = {"layers": 2, "bidirectional": True, "attention": "additive", "input_feeding": True}
    models = []
    for engine in ("fast", "plain"):
        training = trainings(engine)
        training(make_params(runtime={"engine": engine}, model=model, train={"label_smoothing": 0.1}))
        models.append(load_checkpoint(training.folder / "models/last").state_dict())
    torch.testing.assert_close(*models, rtol=1e-3, atol=1e-4)
