"""A model on a device that runs ahead of the program, as the searches use it."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

from torch import Tensor, nn

from seqlab.seq2seq.engines.capture import Capture, Repeated
from seqlab.seq2seq.engines.stepwise import StepwiseModel
from seqlab.seq2seq.model.config import ModelConfig

# Shapes whose searches are kept: each has its graph, and the tensors that this reads and writes.
MOST_SHAPES = 32
Search = TypeVar("Search")


class AheadModel:
    """A `StepwiseModel` whose searches are of fixed shapes, and kept, shape by shape.

    Args:
        model: The model.
        capture: What captures the steps of its searches; None: nothing is.
    """

    def __init__(self, model: StepwiseModel, capture: Capture | None) -> None:
        self._model = model
        self._capture = capture
        self._places = self._parameters_at()
        self._repeated = Repeated(capture, "searches")
        self._searches: OrderedDict[Hashable, Any] = OrderedDict()

    def search(self, shape: Hashable, make: Callable[[Repeated], Search]) -> Search:
        """The search of a shape: as it was kept, or made now.

        Args:
            shape: All that the search is fixed to.
            make: Makes it, with what captures its work.
        """
        if self._places != self._parameters_at():
            # A graph reads the parameters where they were.
            self._searches.clear()
            self._places, self._repeated = self._parameters_at(), Repeated(self._capture, "searches")
        found: Search = self._searches.pop(shape, None) or make(self._repeated)
        self._searches[shape] = found
        if len(self._searches) > MOST_SHAPES:
            self._searches.popitem(last=False)
        return found

    @property
    def config(self) -> ModelConfig:
        """The shape."""
        return self._model.config

    def parameters(self) -> Iterator[nn.Parameter]:
        """The parameters."""
        return self._model.parameters()

    def encode(self, source: Tensor, source_lengths: Tensor) -> Any:
        """Read a batch of sources."""
        return self._model.encode(source, source_lengths)

    def initial_state(self, memory: Any) -> Any:
        """The state before the first step."""
        return self._model.initial_state(memory)

    def step(self, token: Tensor, state: Any, memory: Any) -> tuple[Tensor, Any, Tensor | None]:
        """One step."""
        return self._model.step(token, state, memory)

    def _parameters_at(self) -> list[int]:
        return [each.data_ptr() for each in self.parameters()]
