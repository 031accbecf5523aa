"""A training of more epochs goes on from where a shorter one ended, to the bytes of one that did not."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.training import continuation
from seqlab.training.continuation import Continuation
from seqlab.training.curves import EpochPoint
from seqlab.training.events import BatchFinished, Event, TrainingStarted
from seqlab.training.interruption import Interrupted
from seqlab.training.resume import SavedState
from seqlab.training.state import TrainingState
from tests.training.conftest import STEPS_PER_EPOCH, Training, make_params, stop_at
from tests.training.test_run import RECIPES

Trainings = Callable[[str], Training]


class Steps:
    """Listens which steps are computed, and whether a training says that it goes on."""

    def __init__(self) -> None:
        self.computed = 0
        self.continued = False

    def __call__(self, event: Event) -> None:
        self.computed += isinstance(event, BatchFinished)
        self.continued |= isinstance(event, TrainingStarted) and event.continued


def epochs(number: int, **train: Any) -> dict[str, dict[str, Any]]:
    return {"train": {**train, "epochs": number}}


def bytes_and_steps(training: Training, number: int, *, anew: bool = False, **train: Any) -> tuple[Any, int]:
    steps = Steps()
    files = training(make_params(**epochs(number, **train)), listeners=[steps], anew=anew)
    assert steps.continued == (steps.computed < number * STEPS_PER_EPOCH)
    return files, steps.computed // STEPS_PER_EPOCH


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_ends_in_the_same_bytes_as_from_the_start(recipe: dict[str, dict[str, Any]], trainings: Trainings) -> None:
    def params(number: int) -> Any:
        train = {**recipe.get("train", {}), "epochs": number, "keep_checkpoints": 2}
        return make_params(**{**recipe, "train": train})

    steps = Steps()
    from_the_start = trainings("from the start")(params(4), listeners=[steps])
    all_steps, training = steps.computed, trainings("on and on")
    training(params(2))
    for number in (3, 4):
        steps = Steps()
        # As DVC does before it runs a stage.
        shutil.rmtree(training.folder / "models")
        shutil.rmtree(training.folder / "reports")
        files = training(params(number), listeners=[steps])
        assert steps.continued
        assert steps.computed == all_steps // 4
    assert files == from_the_start


def test_interrupted_on_its_way_it_resumes_from_its_own_state(trainings: Trainings) -> None:
    expected = trainings("from the start")(make_params(**epochs(3)))
    training, steps = trainings("interrupted"), Steps()
    training(make_params(**epochs(2)))
    with pytest.raises(Interrupted):
        training(make_params(**epochs(3)), stop=stop_at(4))
    assert training(make_params(**epochs(3)), listeners=[steps]) == expected
    assert not steps.continued
    assert steps.computed == STEPS_PER_EPOCH - 4


def test_as_many_epochs_or_fewer_are_computed_from_the_start(training: Training) -> None:
    long, computed = bytes_and_steps(training, 3)
    assert computed == 3
    assert bytes_and_steps(training, 3) == (long, 3)
    assert bytes_and_steps(training, 2)[1] == 2
    # The shorter one's state did not take the place of the longer one's.
    assert bytes_and_steps(training, 3) == (long, 3)
    assert bytes_and_steps(training, 4)[1] == 1


def test_anew_it_computes_all(training: Training) -> None:
    bytes_and_steps(training, 1)
    expected, computed = bytes_and_steps(training, 2)
    assert computed == 1
    shutil.rmtree(training.ended)
    bytes_and_steps(training, 1)
    assert bytes_and_steps(training, 2, anew=True) == (expected, 2)


def test_anew_it_computes_all_where_it_was_interrupted_before(training: Training) -> None:
    expected = bytes_and_steps(training, 2)[0]
    # As whoever is told that a training goes on from an earlier one, and stops it.
    with pytest.raises(Interrupted):
        training(make_params(**epochs(3)), stop=stop_at(1))
    assert bytes_and_steps(training, 3, anew=True)[1] == 3
    assert list(training.checkpoints.iterdir()) == []

    # Or whose inputs changed meanwhile, so that the state of its end is there.
    def refuse() -> None:
        raise SeqlabError("data/raw changed")

    with pytest.raises(SeqlabError):
        training(make_params(**epochs(2)), check=refuse)
    assert bytes_and_steps(training, 2, anew=True) == (expected, 2)


def test_another_recipe_goes_on_from_nothing(training: Training) -> None:
    bytes_and_steps(training, 1)
    assert bytes_and_steps(training, 2, learning_rate=0.02)[1] == 2


def test_early_stopping_is_decided_as_from_the_start(trainings: Trainings) -> None:
    # Without learning no epoch is better than the first: patience ends with the second.
    options = {"learning_rate": 1e-9, "patience": 1, "early_stopping_metric": "loss", "teacher_forcing_ratio": 1.0}
    expected = trainings("from the start")(make_params(**epochs(4, **options)))
    training, steps = trainings("on and on"), Steps()
    for number in (1, 2, 4):
        files = training(make_params(**epochs(number, **options)), listeners=[steps])
    assert files == expected
    assert steps.computed == 2 * STEPS_PER_EPOCH
    assert b'"stopped_early": true' in expected["reports/training.json"]


def test_a_damaged_state_is_passed_over(training: Training, caplog: pytest.LogCaptureFixture) -> None:
    expected, _ = bytes_and_steps(training, 2)
    shutil.rmtree(training.ended)
    bytes_and_steps(training, 1)
    (tensors,) = training.ended.rglob("tensors.safetensors")
    tensors.write_bytes(tensors.read_bytes()[:-1])
    assert bytes_and_steps(training, 2) == (expected, 2)
    assert "is damaged" in caplog.text


def test_without_room_for_the_state_the_training_is_complete(
    training: Training, expected: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise SeqlabError("cannot save the training state in /x: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Continuation, "_replace", full)
        assert training() == expected
    assert "No space left on device. This training is complete" in caplog.text
    assert bytes_and_steps(training, 4)[1] == 4


def state(number: int) -> SavedState:
    return SavedState(TrainingState(epoch_points=[point(epoch) for epoch in range(number)]).to_json(), {})


def point(epoch: int) -> EpochPoint:
    return EpochPoint(epoch, epoch, *[0.0] * 9)


def test_the_oldest_go_where_they_grow_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [Continuation(tmp_path, name) for name in "abc"]
    for age, each in enumerate(kept):
        each.keep(state(2))
        for path in tmp_path.glob(f"{each.fingerprint}/*"):
            os.utime(path, (age, age))
    monkeypatch.setattr(continuation, "MOST_BYTES", 5 * size(tmp_path) // 6)
    kept[2].keep(state(3))
    assert [each.state(9) is not None for each in kept] == [False, True, True]
    monkeypatch.setattr(continuation, "MOST_BYTES", 0)
    kept[1].keep(state(3))
    assert [each.state(9) is not None for each in kept] == [False, True, False]


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
