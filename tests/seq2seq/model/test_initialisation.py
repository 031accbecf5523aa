"""First values come from the generator alone, all of them."""

import math

import pytest
import torch

from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.seq2seq import Seq2Seq

SHAPE = ModelConfig(50, 60, "lstm", 32, 24, 2, True, 0.1, "every_step", "additive", True, False, False)


def test_equal_generators_give_equal_models_and_the_global_one_is_not_used() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = Seq2Seq(SHAPE, torch.Generator().manual_seed(3)).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    second = Seq2Seq(SHAPE, torch.Generator().manual_seed(3)).state_dict()
    other = Seq2Seq(SHAPE, torch.Generator().manual_seed(4)).state_dict()
    for name, values in first.items():
        assert torch.equal(values, second[name])
        assert values.dim() == 1 or not torch.equal(values, other[name])


def test_every_parameter_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = Seq2Seq.to_empty

    def to_nan(self: Seq2Seq, *, device: str, recurse: bool = True) -> Seq2Seq:
        model = empty(self, device=device, recurse=recurse)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(math.nan)
        return model

    monkeypatch.setattr(Seq2Seq, "to_empty", to_nan)
    for name, values in Seq2Seq(SHAPE, torch.Generator()).state_dict().items():
        assert values.isfinite().all(), name


def test_first_values_are_those_documented() -> None:
    model = Seq2Seq(SHAPE, torch.Generator().manual_seed(0))
    for layer in (*model.encoder.stack.layers, *model.decoder.stack.layers):
        for name, values in layer.named_parameters():
            if name.startswith("weight_hh"):
                for gate in values.split(24):
                    torch.testing.assert_close(gate @ gate.t(), torch.eye(24), rtol=0, atol=1e-5)
            if name.startswith("bias"):
                forget = 1.0 if name.startswith("bias_ih") else 0.0
                assert values.split(24)[1].tolist() == [forget] * 24
                assert values.sum() == forget * 24
    assert model.encoder.embedding.weight.std().item() == pytest.approx(32**-0.5, rel=0.1)
    assert model.decoder.output_bias.abs().sum() == 0
    assert model.decoder.output_weight is not None
    assert model.decoder.output_weight.std().item() == pytest.approx(24**-0.5, rel=0.1)
    assert model.decoder.readout is not None
    bound = math.sqrt(6 / sum(model.decoder.readout.weight.shape))
    assert 0.9 * bound < model.decoder.readout.weight.abs().max().item() <= bound
