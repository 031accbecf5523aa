"""The moving average of the parameters against a plain loop, alone and in training."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

from seqlab.training.averaging import ParameterAverage
from seqlab.training.events import BatchFinished, Event
from tests.seq2seq.model.tiny import tiny_model
from tests.training.conftest import STEPS_PER_EPOCH, Training, make_params


class Losses:
    """Notes the loss of each step."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, BatchFinished):
            self.losses.append(event.loss)


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.9])
def test_it_is_the_plain_recursion(decay: float) -> None:
    model = tiny_model(tie_embeddings=True, source_vocab_size=11)
    average = ParameterAverage(model, decay)
    expected = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for step in range(1, 8):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(step)))
        average.update(model)
        kept = min(decay, step / (9 + step))
        for name, parameter in model.named_parameters():
            expected[name] = kept * expected[name] + (1 - kept) * parameter.detach()
    found = dict(average.model.named_parameters())
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name].detach(), tensor, rtol=1e-12, atol=1e-14)


def test_it_goes_on_where_it_was() -> None:
    model = tiny_model()
    average, resumed = ParameterAverage(model, 0.9), ParameterAverage(tiny_model(seed=1), 0.9)
    for step in range(1, 6):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1.1)
        average.update(model)
        if step > 3:
            resumed.update(model)
        if step == 3:
            resumed.model.load_state_dict(average.model.state_dict())
            resumed.restore(step)
    for one, other in zip(average.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_average_is_validated_and_kept_and_changes_no_step(
    training: Training, corpus: Path, tmp_path: Path
) -> None:
    plain, averaged = Losses(), Losses()
    params = make_params(train={"epochs": 1})
    without = Training(corpus, tmp_path / "plain")(params, listeners=[plain])
    files = training(make_params(train={"epochs": 1, "average_decay": 0.5}), listeners=[averaged])
    assert averaged.losses == plain.losses
    assert len(plain.losses) == STEPS_PER_EPOCH
    assert files["models/digests.safetensors"] == without["models/digests.safetensors"]
    assert files["reports/curves.csv"] != without["reports/curves.csv"]
    name = "models/best/model.safetensors"
    assert files[name] == files["models/last/model.safetensors"]
    mine, theirs = (safetensors.numpy.load(each[name]) for each in (files, without))
    assert any(not np.array_equal(mine[key], theirs[key]) for key in mine)


def test_an_average_of_the_last_step_alone_is_that_step(corpus: Path, tmp_path: Path) -> None:
    written = []
    for name, decay in (("without", 0.0), ("least", 1e-12)):
        training = Training(corpus, tmp_path / name)
        written.append(training(make_params(train={"epochs": 1, "average_decay": decay})))
    left, right = (safetensors.numpy.load(each["models/last/model.safetensors"]) for each in written)
    for key in left:
        np.testing.assert_allclose(left[key], right[key], rtol=0, atol=1e-6)
