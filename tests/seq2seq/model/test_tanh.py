"""tanh from the logistic function beside PyTorch's own."""

import torch

from seqlab.seq2seq.model.tanh import tanh, tanh_

POINTS = torch.cat([torch.linspace(-12, 12, 1001), torch.tensor([0.0, -0.0, 1e-8, 1e30, -1e30, torch.inf, -torch.inf])])


def test_it_is_tanh_within_the_rounding_of_one() -> None:
    for kind in (torch.float32, torch.float64):
        points = POINTS.to(kind)
        found = tanh(points)
        torch.testing.assert_close(found, points.tanh(), rtol=0, atol=2 * torch.finfo(kind).eps)
        assert torch.equal(tanh_(points.clone()), found)
        with torch.no_grad():
            assert torch.equal(tanh(points), found)
        assert found.abs().max() == 1


def test_narrow_numbers_keep_all_their_bits() -> None:
    points = torch.cat([POINTS, torch.logspace(-4, 0, 100)]).bfloat16()
    found = tanh(points)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(
        found.float(), points.float().tanh(), rtol=2**-8, atol=2 * torch.finfo(torch.float32).eps
    )


def test_what_is_no_number_stays_none() -> None:
    assert tanh(torch.tensor(torch.nan)).isnan()


def test_its_gradient_is_that_of_finite_differences() -> None:
    points = torch.linspace(-3, 3, 13, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(tanh, (points,))
    (gradient,) = torch.autograd.grad(tanh(points).sum(), points)
    torch.testing.assert_close(gradient, 1 - points.detach().tanh() ** 2)


def test_the_inputs_stay_as_they_are() -> None:
    points = POINTS.clone()
    tanh(points)
    assert torch.equal(points, POINTS)
