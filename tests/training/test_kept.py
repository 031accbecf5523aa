"""The best epochs, whose parameters are kept in models/best."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from seqlab.params.params import Params
from seqlab.training.events import CheckpointSaved, EpochFinished, Event, TrainingFinished
from seqlab.training.interruption import Interrupted
from tests.training.conftest import STEPS_PER_EPOCH, Training, make_params, stop_at

EPOCHS = 5
# Stop is asked after each step, and before the one batch of each validation.
SAFE_POINTS = EPOCHS * (STEPS_PER_EPOCH + 1)


def params(keep: int, **train: Any) -> Params:
    # At this learning rate the validation loss rises and falls.
    values = {"epochs": EPOCHS, "early_stopping_metric": "loss", "learning_rate": 0.3, "keep_checkpoints": keep}
    return make_params(train=values | train)


class Watcher:
    """Notes the parameters and the scores of each epoch."""

    def __init__(self, folder: Path) -> None:
        self._last = folder / "models/last/model.safetensors"
        self.parameters: dict[int, bytes] = {}
        self.scores: dict[int, dict[str, float]] = {}
        self.finished: TrainingFinished | None = None

    def __call__(self, event: Event) -> None:
        match event:
            case EpochFinished(point=point):
                self.scores[point.epoch] = {
                    "loss": point.valid_loss, "perplexity": point.valid_perplexity, "bleu": point.valid_bleu,
                }  # fmt: skip
            case CheckpointSaved(kind="last"):
                self.parameters[event.epoch] = self._last.read_bytes()
            case TrainingFinished():
                self.finished = event


def model_files(files: dict[str, bytes]) -> list[bytes]:
    """The kept parameters, best first."""
    names = sorted(
        (name for name in files if name.startswith("models/best/model")),
        key=lambda name: int(name.removeprefix("models/best/model").removesuffix(".safetensors").lstrip("-") or 1),
    )
    assert names[0] == "models/best/model.safetensors"
    assert names[1:] == [f"models/best/model-{rank}.safetensors" for rank in range(2, len(names) + 1)]
    return [files[name] for name in names]


def check(files: dict[str, bytes], watcher: Watcher, keep: int) -> list[int]:
    """The files are those of the epochs of lowest loss, by a plain sort; return these."""
    ranked = sorted(watcher.scores, key=lambda epoch: (watcher.scores[epoch]["loss"], epoch))[:keep]
    assert model_files(files) == [watcher.parameters[epoch] for epoch in ranked]
    training = json.loads(files["models/best/config.json"])["training"]
    epochs = [{"epoch": epoch, "step": epoch * STEPS_PER_EPOCH, "valid": watcher.scores[epoch]} for epoch in ranked]
    assert training == (epochs[0] | {"kept": epochs} if len(ranked) > 1 else epochs[0])
    metrics = json.loads(files["reports/training.json"])
    assert metrics.get("kept", ranked[:1]) == ranked
    assert watcher.finished is not None
    assert watcher.finished.kept == tuple(ranked)
    return ranked


@pytest.mark.parametrize("keep", [1, 2, EPOCHS + 2])
def test_the_best_by_loss(keep: int, training: Training) -> None:
    watcher = Watcher(training.folder)
    files = training(params(keep), listeners=[watcher])
    ranked = check(files, watcher, keep)
    assert len(ranked) == min(keep, EPOCHS)
    # Neither the order of the epochs nor its opposite: a sort had something to do.
    losses = [scores["loss"] for scores in watcher.scores.values()]
    assert losses not in (sorted(losses), sorted(losses, reverse=True))


def test_ties_in_bleu_are_broken_by_loss(training: Training) -> None:
    watcher = Watcher(training.folder)
    # Translations of one token have no 4-grams: every epoch's BLEU is 0.
    files = training(params(3, early_stopping_metric="bleu", validation_max_length=1), listeners=[watcher])
    assert {scores["bleu"] for scores in watcher.scores.values()} == {0.0}
    assert check(files, watcher, 3) != [1, 2, 3]


def test_early_stopping_counts_from_the_very_best(training: Training) -> None:
    watcher = Watcher(training.folder)
    files = training(params(4, epochs=30, learning_rate=3.0, patience=2), listeners=[watcher])
    ranked = check(files, watcher, 4)
    assert max(watcher.scores) == ranked[0] + 2 < 30


def test_keeping_more_changes_nothing_else(trainings: Callable[[str], Training]) -> None:
    one, three = (trainings(str(keep))(params(keep)) for keep in (1, 3))
    added = {"models/best/model-2.safetensors", "models/best/model-3.safetensors"}
    assert set(three) - set(one) == added
    differing = {name for name in one if one[name] != three[name]}
    assert differing == {"models/best/config.json", "reports/training.json"}


def results(training: Training, points: Sequence[int]) -> dict[str, bytes]:
    """Train, stopping at these points."""
    for point in points:
        with pytest.raises(Interrupted):
            training(params(3), stop=stop_at(point))
    return training(params(3))


@pytest.mark.parametrize("point", range(1, SAFE_POINTS + 1, 5))
def test_resumed_is_uninterrupted(point: int, trainings: Callable[[str], Training], kept: dict[str, bytes]) -> None:
    assert results(trainings("once"), [point]) == kept


def test_resumed_again_and_again(trainings: Callable[[str], Training], kept: dict[str, bytes]) -> None:
    assert results(trainings("often"), [3] * 8) == kept


@pytest.fixture(scope="module")
def kept(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an undisturbed training writes that keeps three epochs."""
    return Training(corpus, tmp_path_factory.mktemp("kept"))(params(3))
