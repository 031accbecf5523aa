"""The engine that was chosen makes every step, and every loss of validation."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlab.seq2seq.checkpoint import load_checkpoint
from seqlab.seq2seq.engines import choice
from seqlab.seq2seq.engines.choice import CPU, CUDA, FAST, PLAIN
from seqlab.seq2seq.engines.engine import LossOutput
from seqlab.seq2seq.engines.padded import Padded
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.training.ahead import AheadUpdater
from seqlab.training.update import Updater
from seqlab.training.updaters import make_updater
from tests.training.conftest import STEPS_PER_EPOCH, make_model, make_params
from tests.training.test_run import Trainings


def test_the_updater_follows_from_the_engine() -> None:
    params = make_params()
    model = make_model(params, 9, 9)
    for engine, expected in ((PLAIN, Updater), (CPU, Updater), (CUDA, AheadUpdater)):
        assert type(make_updater(engine, model, params.train, 1)) is expected


def test_steps_ahead_are_made_of_the_gradients_of_the_engine_that_is_handed_over(
    trainings: Trainings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def gradients(model: Seq2Seq, batch: Padded, key: Tensor, **options: Any) -> tuple[Tensor, Tensor]:
        assert CUDA.gradients is not None
        asked.append(options["choosing"])
        return CUDA.gradients(model, batch, key, **options)

    monkeypatch.setattr("tests.training.conftest.choose", lambda *_names: replace(CUDA, gradients=gradients))
    trainings("spied")(make_params())
    assert len(asked) == 3 * STEPS_PER_EPOCH


def test_an_engine_without_them_makes_none() -> None:
    params = make_params()
    with pytest.raises(ValueError, match="plain makes no steps ahead"):
        AheadUpdater(make_model(params, 9, 9), params.train, 1, PLAIN)


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
