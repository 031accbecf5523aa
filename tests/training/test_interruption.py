"""Training interrupted anywhere ends in the same bytes as if nothing had happened."""

import functools
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.training.events import (
    BatchFinished,
    Event,
    Listener,
    TrainingStarted,
)
from seqlab.training.interruption import Interrupted
from seqlab.training.resume import resume_store
from tests.training.conftest import STEPS_PER_EPOCH, Training, make_params, stop_at

STEPS = 3 * STEPS_PER_EPOCH
# Stop is asked after each step, and before the one batch of each validation.
SAFE_POINTS = STEPS + 3


class Killed(BaseException):
    """Stands for the end of the process."""


def note_start(steps: list[int]) -> Listener:
    return lambda event: steps.append(event.step) if isinstance(event, TrainingStarted) else None


def step_of(message: str) -> int:
    return int(message.partition("after step ")[2].partition(",")[0])


@pytest.mark.parametrize("point", range(1, SAFE_POINTS + 1))
def test_resumes_bit_for_bit_wherever_it_stopped(point: int, training: Training, expected: dict[str, bytes]) -> None:
    with pytest.raises(Interrupted, match="state is saved: `dvc repro` resumes it") as stopped:
        training(stop=stop_at(point))
    begun: list[int] = []
    assert training(listeners=[note_start(begun)]) == expected
    assert begun == [step_of(str(stopped.value))] != [0]


@pytest.mark.parametrize("call", ["replace", "fsync", "rmdir"])
def test_goes_on_after_the_process_ended_anywhere_while_it_wrote(
    call: str, training: Training, expected: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends at one system call after another, further on each time, and the dead clean up nothing."""
    real, calls, alive, deaths = getattr(os, call), 0, 1, 0

    def deadly(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls >= alive:
            raise Killed
        return real(*arguments, **options)

    def nothing_when_dead(function: Callable[..., None]) -> Callable[..., None]:
        return lambda *arguments, **options: None if calls >= alive else function(*arguments, **options)

    monkeypatch.setattr(os, call, deadly)
    monkeypatch.setattr(shutil, "rmtree", nothing_when_dead(shutil.rmtree))
    monkeypatch.setattr(Path, "unlink", nothing_when_dead(Path.unlink))
    while True:
        calls = 0
        try:
            assert training(save_seconds=0.0) == expected
            break
        except Killed:
            deaths += 1
            # A training that dies at the same place for ever would get nowhere: the next one lives a little longer.
            alive += 1
    assert deaths > 2
    assert list(training.checkpoints.iterdir()) == []


@pytest.mark.slow
def test_survives_25_kills(corpus: Path, tmp_path: Path, expected: dict[str, bytes]) -> None:
    """SIGKILL after a random time, 25 times over, each training killed up to five times before it may finish."""
    draw, kills = random.Random(1), 0
    while kills < 25:
        training = Training(corpus, tmp_path / str(kills))
        for _ in range(5):
            child = _fork(functools.partial(training, save_seconds=0.0))
            time.sleep(draw.uniform(0.0, 0.3))
            os.kill(child, signal.SIGKILL)
            kills += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        assert training() == expected


def _fork(main: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        main()
    finally:
        os._exit(0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_at_a_safe_point(
    number: signal.Signals, training: Training, expected: dict[str, bytes]
) -> None:
    reader, writer = os.pipe()

    def main() -> None:
        asked = []
        signal.signal(number, lambda *_: asked.append(True))

        def slowly(event: Event) -> None:
            if isinstance(event, BatchFinished):
                os.write(writer, b".")
                time.sleep(0.05)

        try:
            training(listeners=[slowly], stop=lambda: bool(asked))
        except Interrupted as error:
            os.write(writer, str(error).encode())

    child = _fork(main)
    os.close(writer)
    assert os.read(reader, 3)
    os.kill(child, number)
    os.waitpid(child, 0)
    with open(reader, encoding="utf-8") as pipe:
        message = pipe.read().lstrip(".")
    assert message.startswith("training stopped after step ")
    assert message.endswith("`dvc repro` resumes it there, and ends in the same result")
    assert training() == expected


@pytest.mark.parametrize("file", ["tensors.safetensors", "state.json", "fingerprint", "sha256"])
@pytest.mark.parametrize("damage", ["flip", "cut", "delete"])
def test_a_damaged_state_is_passed_over(
    file: str, damage: str, training: Training, expected: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Interrupted):
        training(stop=stop_at(10), save_seconds=0.0)
    older, newest = sorted(training.checkpoints.glob("f1/state-*"))
    content = (newest / file).read_bytes()
    if damage == "delete":
        (newest / file).unlink()
    else:
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        (newest / file).write_bytes(flipped if damage == "flip" else content[:middle])
    older_step = json.loads((older / "state.json").read_text())["step"]
    steps: list[int] = []
    assert training(listeners=[note_start(steps)]) == expected
    assert f"{newest} is damaged: using the one before it" in caplog.text
    assert steps == [older_step] == [8]


def test_without_an_undamaged_state_it_starts_anew(
    training: Training, expected: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Interrupted):
        training(stop=stop_at(10), save_seconds=0.0)
    for path in training.checkpoints.glob("f1/state-*/tensors.safetensors"):
        path.write_bytes(path.read_bytes()[:-1])
    assert training() == expected
    assert caplog.text.count("is damaged") == 2


def test_a_state_of_another_training_is_never_used(
    training: Training, expected: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Interrupted):
        training(make_params(train={"learning_rate": 0.5}), fingerprint="f2", stop=stop_at(10))
    assert training() == expected
    assert caplog.text == ""
    shutil.copytree(training.checkpoints / "f2", training.checkpoints / "f1")
    assert training() == expected
    assert "is of another training" in caplog.text


def test_leaves_no_state_behind(training: Training) -> None:
    training(save_seconds=0.0)
    assert list(training.checkpoints.iterdir()) == []


def test_keeps_two_states(training: Training) -> None:
    counts: set[int] = set()
    training(save_seconds=0.0, listeners=[lambda _: counts.add(len(list(training.checkpoints.glob("f1/state-*"))))])
    assert counts == {0, 1, 2}


def test_the_same_training_in_another_process_shares_no_state(
    training: Training, expected: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    with resume_store(training.checkpoints, "f1") as other:
        assert other is not None
        assert training(save_seconds=0.0) == expected
        assert "the same training runs in another process" in caplog.text
        with pytest.raises(Interrupted, match="its state was not saved"):
            training(stop=stop_at(1))


def test_without_room_for_a_state_earlier_ones_stay(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Interrupted):
        training(stop=stop_at(3))
    kept = training.checkpoints / "f1" / "state-00000001"
    before = {path.name: path.read_bytes() for path in kept.iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SeqlabError, match=r"cannot save the training state in .*: No space left on device"):
            training(save_seconds=0.0)
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before


def test_best_is_kept_through_an_interruption_after_it(training: Training, expected: dict[str, bytes]) -> None:
    assert json.loads(expected["reports/training.json"])["best"]["epoch"] < 3
    with pytest.raises(Interrupted):
        training(stop=stop_at(SAFE_POINTS - 3))
    shutil.rmtree(training.folder / "models")  # as DVC does before it runs a stage
    assert training() == expected
