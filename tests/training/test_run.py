"""Training as a whole: what it writes is a function of its parameters and data alone."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params
from seqlab.seq2seq.checkpoint import load_checkpoint
from seqlab.training.events import (
    BatchFinished,
    CheckpointSaved,
    EpochFinished,
    Event,
    StateSaved,
    StepFinished,
    TrainingFinished,
    TrainingStarted,
)
from seqlab.training.update import Updater
from tests.training.conftest import STEPS_PER_EPOCH, Training, make_params

Trainings = Callable[[str], Training]
STEPS = 3 * STEPS_PER_EPOCH

RECIPES: dict[str, dict[str, dict[str, Any]]] = {
    "gru, Adam": {},
    "LSTM with attention, AdamW, plateau": {
        "model": {"cell": "lstm", "layers": 2, "bidirectional": True, "attention": "dot", "input_feeding": True},
        "train": {
            "optimizer": "adamw",
            "weight_decay": 0.1,
            "learning_rate_schedule": "plateau",
            "learning_rate_patience": 0,
            "average_decay": 0.8,
            "teacher_forcing_granularity": "token",
            "early_stopping_metric": "loss",
        },
    },
    "Elman, SGD, bfloat16, by tokens": {
        "model": {"cell": "rnn", "attention": "additive", "context": "every_step", "tie_output": True},
        "train": {
            "optimizer": "sgd",
            "learning_rate": 0.5,
            "precision": "bfloat16",
            "batch_by": "tokens",
            "batch_size": 60,
            "learning_rate_schedule": "inverse_sqrt",
            "warmup_steps": 5,
            "label_smoothing": 0.1,
            "teacher_forcing_schedule": "inverse_sigmoid",
            "teacher_forcing_decay": 5.0,
        },
    },
}


def rows(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode())))


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_same_bytes_again_and_when_stopped_at_every_safe_point(
    recipe: dict[str, dict[str, Any]], trainings: Trainings
) -> None:
    params = make_params(**recipe)
    torch.manual_seed(1)
    undisturbed = trainings("undisturbed")(params)
    torch.manual_seed(2)  # nothing draws from PyTorch's global generator
    files, stops = trainings("stopped").until_done(params)
    assert files == undisturbed
    assert stops >= 8


@pytest.mark.parametrize("early", [False, True])
def test_one_that_is_refused_at_its_end_ends_at_once_when_it_is_asked_again(trainings: Trainings, early: bool) -> None:
    stopping: dict[str, Any] = {"epochs": 9, "patience": 1, "early_stopping_metric": "loss", "learning_rate": 0.5}
    params = make_params(train=stopping if early else {})
    undisturbed = trainings("undisturbed")(params)
    training, events = trainings("refused"), list[Event]()

    def refuse() -> None:
        raise SeqlabError("no")

    with pytest.raises(SeqlabError, match="no"):
        training(params, check=refuse)
    assert not training.ended.exists() or not list(training.ended.rglob("state-*"))
    assert training(params, listeners=[events.append]) == undisturbed
    assert not [event for event in events if isinstance(event, BatchFinished)]
    assert len(rows(undisturbed["reports/curves.csv"])) < (9 if early else 4)
    assert not list(training.checkpoints.rglob("state-*"))


def _disturb(_event: Event) -> None:
    torch.rand(3)


def test_neither_logging_nor_listeners_change_the_model(training: Training, expected: dict[str, bytes]) -> None:
    files = training(make_params(train={"log_every": 1}), listeners=[_disturb])
    assert {name for name in files if files[name] != expected[name]} == {"reports/steps.csv"}


def test_each_random_stream_depends_on_the_seed(training: Training, expected: dict[str, bytes]) -> None:
    content = make_params().model_dump() | {"seed": 2}
    files = training(Params.model_validate(content))
    assert files["models/last/model.safetensors"] != expected["models/last/model.safetensors"]


def test_events_tell_what_happens(training: Training) -> None:
    events: list[Event] = []
    training(listeners=[events.append])
    kinds = [type(event) for event in events]
    assert kinds[0] is TrainingStarted
    assert kinds[-1] is TrainingFinished
    assert kinds.count(BatchFinished) == STEPS
    assert kinds.count(StepFinished) == STEPS / 3
    assert kinds.count(EpochFinished) == kinds.count(StateSaved) == 3
    assert [event.epoch for event in events if isinstance(event, CheckpointSaved) and event.kind == "last"] == [1, 2, 3]
    first = events[0]
    assert isinstance(first, TrainingStarted)
    assert (first.step, first.epoch, first.epochs, first.steps_per_epoch) == (0, 1, 3, STEPS_PER_EPOCH)


def test_points_are_means_over_their_steps(training: Training) -> None:
    events: list[Event] = []
    files = training(make_params(train={"log_every": 4}), listeners=[events.append])
    batches = [event for event in events if isinstance(event, BatchFinished)]
    windows = [batches[start : start + 4] for start in range(0, STEPS, 4)]
    assert [int(row["step"]) for row in rows(files["reports/steps.csv"])] == [4, 8, 12, 16, 20, 21]
    for row, window in zip(rows(files["reports/steps.csv"]), windows, strict=True):
        mean = sum(event.loss * event.tokens for event in window) / sum(event.tokens for event in window)
        assert float(row["loss"]) == pytest.approx(mean, rel=1e-5)
    for row in rows(files["reports/curves.csv"]):
        epoch = [event for event in batches if event.epoch == int(row["epoch"])]
        mean = sum(event.loss * event.tokens for event in epoch) / sum(event.tokens for event in epoch)
        assert float(row["train_loss"]) == pytest.approx(mean, rel=1e-5)


def test_best_and_last_checkpoint_are_those_of_the_curves(training: Training) -> None:
    files = training(make_params(train={"early_stopping_metric": "loss"}))
    curves = rows(files["reports/curves.csv"])
    metrics = json.loads(files["reports/training.json"])
    best = min(curves, key=lambda row: float(row["valid_loss"]))
    assert (metrics["best"]["epoch"], metrics["best"]["loss"]) == (int(best["epoch"]), float(best["valid_loss"]))
    for kind, row in (("best", best), ("last", curves[-1])):
        config = json.loads(files[f"models/{kind}/config.json"])
        assert config["training"]["step"] == int(row["step"])
        assert config["training"]["valid"]["loss"] == pytest.approx(float(row["valid_loss"]), rel=1e-5)
        load_checkpoint(training.folder / "models" / kind)
    assert metrics["parameters"] == sum(
        p.numel() for p in load_checkpoint(training.folder / "models/best").parameters()
    )


def test_early_stopping(training: Training) -> None:
    files = training(
        make_params(train={"learning_rate": 3.0, "early_stopping_metric": "loss", "epochs": 30, "patience": 2})
    )
    metrics = json.loads(files["reports/training.json"])
    losses = [float(row["valid_loss"]) for row in rows(files["reports/curves.csv"])]
    assert metrics["stopped_early"] is True
    assert metrics["epochs"] == len(losses) == metrics["best"]["epoch"] + 2 < 30
    assert min(losses) == losses[-3]


def test_gradient_clipping_is_counted(training: Training) -> None:
    events: list[Event] = []
    files = training(make_params(train={"max_grad_norm": 1e-3, "log_every": 1}), listeners=[events.append])
    assert json.loads(files["reports/training.json"])["clipped_steps"] == STEPS
    norms = [float(row["gradient_norm"]) for row in rows(files["reports/steps.csv"])]
    assert json.loads(files["reports/training.json"])["largest_gradient_norm"] == max(norms) > 1e-3
    metrics = json.loads(training(make_params(train={"max_grad_norm": 0.0}))["reports/training.json"])
    assert metrics["clipped_steps"] == 0
    limit = sorted(norms)[STEPS // 2]
    # The first step's norm is the same whatever the limit; later ones are not.
    counted = training(make_params(train={"max_grad_norm": limit, "log_every": 1}))
    norms = [float(row["gradient_norm"]) for row in rows(counted["reports/steps.csv"])]
    assert json.loads(counted["reports/training.json"])["clipped_steps"] == sum(norm > limit for norm in norms)


def test_learning_rate_and_ratio_are_recorded_as_scheduled(training: Training) -> None:
    schedule = {"learning_rate_schedule": "exponential", "learning_rate_decay": 0.5, "log_every": 1}
    forcing = {"teacher_forcing_schedule": "linear", "teacher_forcing_ratio": 0.9, "teacher_forcing_decay": 0.1}
    files = training(make_params(train=schedule | forcing))
    for row in rows(files["reports/steps.csv"]):
        assert float(row["learning_rate"]) == pytest.approx(0.01 * 0.5 ** (int(row["epoch"]) - 1))
        assert float(row["teacher_forcing_ratio"]) == pytest.approx(max(0.0, 0.9 - 0.1 * (int(row["step"]) - 1)))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_go_wrong_stop_training(bad: float, training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Updater._differentiate

    def broken(self: Updater, batch: Any, step: int, ratio: float) -> Any:
        loss, nll = real(self, batch, step, ratio)
        return (loss * bad if step == 10 else loss), nll

    monkeypatch.setattr(Updater, "_differentiate", broken)
    # The gradient would tell, too.
    monkeypatch.setattr("seqlab.training.update.gradient_norm", lambda *_: torch.tensor(1.0))
    with pytest.raises(SeqlabError) as stopped:
        training()
    message = str(stopped.value)
    assert "at step 10 (epoch 2, batch 3)" in message
    assert f"loss {bad}" in message
    assert "learning rate 0.01" in message
    assert "batch of 8 pairs" in message
    assert "(rows " in message
    assert load_checkpoint(training.folder / "models/best")
    assert json.loads((training.folder / "models/last/config.json").read_text())["training"]["epoch"] == 1
    with pytest.raises(SeqlabError, match="at step 10 "):  # from the state after epoch 1
        training()


def test_a_gradient_that_overflows_stops_training(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqlab.training.update.gradient_norm", lambda *_: torch.tensor(torch.inf))
    with pytest.raises(SeqlabError, match=r"at step 1 \(epoch 1, batch 1\): loss 2\.\d+, gradient norm inf"):
        training()


def test_out_of_memory_names_the_batch(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy_forward(*_: object) -> None:
        torch.empty(2**60)

    monkeypatch.setattr(Updater, "_forward", greedy_forward)
    with pytest.raises(SeqlabError, match=r"out of memory at step 1 .*a batch of 8 pairs.*lower train.batch_size"):
        training()
