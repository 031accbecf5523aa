"""Optimizer steps one after another: inputs go over and figures come back while the device computes."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torch

from seqlab.seq2seq.engines.capture import Capture, Repeated, Work, capture_for, fetch, pinned
from seqlab.training.graphs.inputs import Inputs, Shape
from seqlab.training.graphs.step import OptimizerStep

# Shapes whose inputs and graphs are kept: each graph is some thousands of kernels, megabytes on the device.
MOST_SHAPES = 96


@dataclass
class _Known:
    """A shape that has been seen: where its inputs stand on the device, and the step captured for it, if it is."""

    inputs: Inputs
    work: Work


class Steps:
    """Makes steps without waiting for them.

    A shape's first step runs as it is written; when the shape comes back the step is captured, and replayed from then
    on.

    Args:
        step: The step.
        device: Where it computes.
        capture: What captures it; None: CUDA graphs on a GPU, and elsewhere nothing.
    """

    def __init__(self, step: OptimizerStep, device: torch.device, capture: Capture | None = None) -> None:
        self._step, self._device = step, device
        # Work of which it makes no difference whether it is captured.
        self.repeated = Repeated(capture or capture_for(device), "steps")
        self._known: OrderedDict[Shape, _Known] = OrderedDict()

    def begin(self, shape: Shape, fill: Callable[[Inputs], None]) -> Callable[[], list[float]]:
        """Begin a step.

        Args:
            shape: Of its batch.
            fill: Writes the batch.

        Returns:
            What waits for the step, and gives its figures: loss, nll, norm of the gradient.
        """
        known = self._find(shape)
        here = Inputs.room(shape, torch.device("cpu"), pinned=pinned(self._device))
        fill(here)
        # PyTorch gives pinned memory to nobody else before it has been read.
        known.inputs.numbers.copy_(here.numbers, non_blocking=True)
        known.work()
        return fetch(self._step.figures)

    def _find(self, shape: Shape) -> _Known:
        known = self._known.pop(shape, None) or self._made(shape)
        self._known[shape] = known
        if len(self._known) > MOST_SHAPES:
            self._known.popitem(last=False)
        return known

    def _made(self, shape: Shape) -> _Known:
        inputs = Inputs.room(shape, self._device)
        return _Known(inputs, self.repeated(lambda: self._step(inputs)))
