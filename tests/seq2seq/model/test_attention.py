"""Attention on its own: its weights, and what padding may do to it."""

import pytest
import torch

from seqlab.seq2seq.model.attention import Attention
from seqlab.seq2seq.model.memory import Annotations


@pytest.mark.parametrize("kind", ["dot", "general", "additive"])
def test_weights_are_a_distribution_over_the_real_tokens(kind: str) -> None:
    torch.manual_seed(0)
    attention = Attention(kind, 6).double()
    values, query = torch.randn(3, 5, 6).double(), 30 * torch.randn(3, 2, 6).double()
    padding = torch.arange(5)[None, :] >= torch.tensor([5, 1, 3])[:, None]
    found, weights = attention(query, Annotations(values, attention.keys(values), padding))
    torch.testing.assert_close(weights.sum(2), torch.ones(3, 2).double())
    assert (weights[padding[:, None, :].expand(3, 2, 5)] == 0).all()
    torch.testing.assert_close(found[1], values[1, :1].expand(2, 6))
    without = attention(query[:1], Annotations(values[:1], attention.keys(values[:1]), None))
    torch.testing.assert_close(found[:1], without[0])


@pytest.mark.parametrize("kind", ["dot", "general", "additive"])
def test_padding_takes_no_gradient(kind: str) -> None:
    torch.manual_seed(0)
    attention = Attention(kind, 4)
    values = torch.randn(2, 3, 4, requires_grad=True)
    padding = torch.tensor([[False, False, False], [False, True, True]])
    attention(torch.randn(2, 1, 4), Annotations(values, attention.keys(values), padding))[0].sum().backward()
    assert values.grad is not None
    assert (values.grad[padding] == 0).all()
    assert (values.grad[~padding] != 0).any()
