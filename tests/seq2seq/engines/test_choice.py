"""One place chooses the engine; no other ever takes its place."""

import pytest

from seqlab.seq2seq.engines.choice import choose
from seqlab.seq2seq.engines.cpu.loss import teacher_forced_loss
from seqlab.seq2seq.engines.plain.loss import step_by_step_loss


def test_plain_is_a_parameters_value_away_on_any_device() -> None:
    assert choose("cpu", "fast").loss is teacher_forced_loss
    for device in ("cpu", "cuda"):
        assert choose(device, "plain").loss is step_by_step_loss
        assert choose(device, "plain").name == "plain"
        assert choose(device, "fast").loss is not step_by_step_loss


def test_a_device_without_an_engine_of_its_own_gets_no_other() -> None:
    with pytest.raises(KeyError):
        choose("xpu", "fast")
