"""Training whose steps are known when the next one has begun."""

from pathlib import Path
from typing import Any

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.params.schema import TrainParams
from seqlab.seq2seq.engines.choice import CPU, CUDA
from seqlab.seq2seq.engines.engine import Engine
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import Batch, Batches
from seqlab.text.encoded import open_split
from seqlab.text.tokenizer import load_tokenizers
from seqlab.training import updaters
from seqlab.training.ahead import AheadUpdater
from seqlab.training.digests import ParameterDigests
from seqlab.training.events import BatchFinished, Event
from seqlab.training.interruption import Interrupted
from seqlab.training.update import StepResult
from tests.simulated_device import simulated_device, waits
from tests.training.conftest import Training, make_model, make_params, stop_at
from tests.training.graphs.stand_in import StandIn
from tests.training.test_device import on
from tests.training.test_run import Trainings

PARAMS: dict[str, dict[str, Any]] = {
    "model": {"bidirectional": True, "attention": "dot", "layers": 2},
    "train": {
        "average_decay": 0.9,
        "teacher_forcing_granularity": "token",
        "label_smoothing": 0.1,
        "keep_checkpoints": 2,
    },
}


class Captured(AheadUpdater):
    """Steps captured by the stand-in."""

    def __init__(self, model: Seq2Seq, params: TrainParams, seed: int, engine: Engine) -> None:
        super().__init__(model, params, seed, engine, StandIn())


class AtOnce(AheadUpdater):
    """Waits for each step."""

    def begin(self, batch: Batch, *, step: int, learning_rate: float, place: str) -> list[StepResult]:
        return [*super().begin(batch, step=step, learning_rate=learning_rate, place=place), *self.finish()]


@pytest.fixture(autouse=True)
def _engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of this module are of the cuda engine, on whatever device."""
    monkeypatch.setattr("tests.training.conftest.choose", lambda *_names: CUDA)


def use(updater: type[AheadUpdater], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updaters, "AheadUpdater", updater)


def test_late_outcomes_change_no_byte(trainings: Trainings, monkeypatch: pytest.MonkeyPatch) -> None:
    events: dict[str, list[Event]] = {"late": [], "at once": [], "captured": []}
    found = {}
    for name, updater in {"late": AheadUpdater, "at once": AtOnce, "captured": Captured}.items():
        use(updater, monkeypatch)
        found[name] = trainings(name)(make_params(**PARAMS), listeners=[events[name].append])
    assert found["late"] == found["at once"] == found["captured"]
    steps = [
        [(e.step, e.epoch, e.loss, e.tokens) for e in each if isinstance(e, BatchFinished)] for each in events.values()
    ]
    assert steps[0] == steps[1] == steps[2]
    assert [step for step, *_ in steps[0]] == list(range(1, 22))


@pytest.mark.parametrize("stopped", [1, 10, 14])
def test_resumed_it_ends_in_the_same_bytes(stopped: int, trainings: Trainings, monkeypatch: pytest.MonkeyPatch) -> None:
    params = make_params(**PARAMS)
    expected, training = trainings("whole")(params), trainings("interrupted")
    use(Captured, monkeypatch)
    with pytest.raises(Interrupted):
        training(params, stop=stop_at(stopped))
    assert training(params) == expected


def test_it_trains_as_the_cpu_engine_does(trainings: Trainings, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"dropout": 0.0, **PARAMS["model"]}
    params = make_params(model=changes, train=PARAMS["train"])
    ours = trainings("ours")
    ours(params)
    monkeypatch.setattr("tests.training.conftest.choose", lambda *_names: CPU)
    theirs = trainings("theirs")
    theirs(params)
    assert numbers(ours, "steps") == pytest.approx(numbers(theirs, "steps"), rel=1e-3)


def test_a_step_that_is_not_finite_is_named_though_another_has_begun(training: Training) -> None:
    params = make_params(train={"learning_rate": 1e38, "max_grad_norm": 0.0, "optimizer": "sgd"})
    with pytest.raises(SeqlabError, match=r"went wrong at step 2 \(epoch 1, batch 2\): loss .*learning rate 1e\+38"):
        training(params)


def test_on_another_device_a_step_waits_for_nothing(trainings: Trainings) -> None:
    params = make_params(**PARAMS)
    here, there = trainings("here"), trainings("there")
    here(params)
    with simulated_device() as device:
        there(on(device, params))
    # The fused cells of the device add in another order.
    assert numbers(there, "steps") == pytest.approx(numbers(here, "steps"), rel=1e-2)


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
def test_a_step_waits_for_the_device_only_when_its_figures_are_fetched(ratio: float, corpus: Path) -> None:
    params = make_params(**PARAMS | {"train": PARAMS["train"] | {"teacher_forcing_ratio": ratio}})
    source, target = load_tokenizers(corpus / "tokenized/tokenizer")
    model = make_model(params, source.vocab_size, target.vocab_size)
    batches = Batches(open_split(corpus / "tokenized/train"), 8, "sentences", 1).epoch(1)
    with simulated_device() as device:
        updater = AheadUpdater(model.to(device), params.train, 1, CUDA)
        digests = ParameterDigests(updater.model, updater.repeated)
        updater.begin(batches[0], step=1, learning_rate=0.01, place="here")
        before = waits()
        updater.begin(batches[1], step=2, learning_rate=0.01, place="here")
        digests.add()
        digests.gather()
        assert waits() - before == {"aten::_to_copy": 1}


def numbers(training: Training, name: str) -> list[float]:
    """All that a table below reports/ says."""
    lines = (training.folder / f"reports/{name}.csv").read_text().splitlines()[1:]
    return [float(number) for line in lines for number in line.split(",")]
