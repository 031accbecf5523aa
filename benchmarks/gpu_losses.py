"""The loss over the vocabulary on a GPU: ours beside PyTorch's two calls and, where they are installed, fused losses.

Liger's kernels (pip install liger-kernel; Hsu et al. 2024) and cut cross-entropy (pip install cut-cross-entropy;
Wijmans et al. 2024) never hold all scores; nor does ours. Each makes the loss of a batch of readouts, and its gradients
by readout, weight and bias, from float32 parameters with products in bfloat16. Cut cross-entropy has no bias, and as it
comes leaves out gradients too small to count.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.seq2seq.engines.cuda.vocabulary import VocabularySums

NARROW = torch.bfloat16


class Given(NamedTuple):
    """What a loss is made of: readouts (tokens, size), weight (vocabulary, size), bias, and labels (tokens,)."""

    readout: Tensor
    weight: Tensor
    bias: Tensor
    labels: Tensor


# Gives the sum of the losses, and the gradients by readout, weight and bias.
Loss = Callable[[Given], tuple[Tensor, list[Tensor]]]
# Seconds in which the device works for a call, as it does for one within a graph, and bytes that it takes at most.
Timed = Callable[[Callable[[], object]], tuple[float, int]]


def ours(given: Given, kind: torch.dtype = NARROW) -> tuple[Tensor, list[Tensor]]:
    """That of the engine `cuda`."""
    counts = torch.ones_like(given.labels, dtype=torch.bool)
    sums = VocabularySums(given.weight, given.bias, 0.0, kind)(given.readout, given.labels, counts, gradients=True)
    return sums.loss, [each for each in (sums.of_readout, sums.of_weight, sums.of_bias) if each is not None]


def stock(given: Given, kind: torch.dtype = NARROW) -> tuple[Tensor, list[Tensor]]:
    """nn.Linear and nn.CrossEntropyLoss under autocast."""
    with torch.autocast(given.readout.device.type, kind, enabled=kind == NARROW):
        loss = F.cross_entropy(F.linear(*given[:3]), given.labels, reduction="sum")
    return _with_gradients(loss, *given[:3])


def liger(given: Given) -> tuple[Tensor, list[Tensor]]:
    """Liger's fused linear cross-entropy; sums of gradients in float32, as ours."""
    fused = import_module("liger_kernel.transformers.functional").liger_fused_linear_cross_entropy
    readout, weight, bias = (each.to(NARROW) for each in given[:3])
    loss = fused(readout, weight, given.labels, bias, reduction="sum", accum_dtype=torch.float32)
    return _with_gradients(loss, *given[:3])


def cut(given: Given) -> tuple[Tensor, list[Tensor]]:
    """Cut cross-entropy."""
    fused = import_module("cut_cross_entropy").linear_cross_entropy
    loss = fused(given.readout.to(NARROW), given.weight.to(NARROW), given.labels, reduction="sum")
    return _with_gradients(loss, *given[:2])


def losses() -> dict[str, Loss]:
    """Those that are installed, by name."""
    optional = {"Liger's": ("liger_kernel", liger), "cut cross-entropy": ("cut_cross_entropy", cut)}
    found = {name: loss for name, (package, loss) in optional.items() if find_spec(package)}
    return {"ours": ours, "PyTorch's": stock, **found}


def rows(name: str, size: int, vocabulary: int, tokens: int, timed: Timed) -> Iterator[Mapping[str, Any]]:
    """A row for each loss, of random readouts and parameters."""
    draw = torch.Generator("cuda").manual_seed(1)
    readout, weight = (torch.randn(count, size, device="cuda", generator=draw) for count in (tokens, vocabulary))
    labels = torch.randint(vocabulary, (tokens,), device="cuda", generator=draw)
    weight, bias = weight * 2 * size**-0.5, torch.zeros(vocabulary, device="cuda")
    given = Given(readout.requires_grad_(), weight.requires_grad_(), bias.requires_grad_(), labels)
    exact = stock(given, torch.float32)[0].item()
    first = 0.0
    for kind, loss in losses().items():
        seconds, peak = timed(partial(loss, given))
        first = first or seconds
        yield {
            "shape": name,
            "loss": kind,
            "GPU ms": f"{seconds * 1e3:.2f}",
            "times ours": f"{seconds / first:.2f}",
            "memory, MB": f"{peak / 2**20:,.0f}",
            "off that in float32": f"{abs(loss(given)[0].item() / exact - 1):.0e}",
        }


def _with_gradients(loss: Tensor, *leaves: Tensor) -> tuple[Tensor, list[Tensor]]:
    return loss.detach(), list(torch.autograd.grad(loss, leaves))
