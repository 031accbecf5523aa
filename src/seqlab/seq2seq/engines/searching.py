"""A model as the searches use it: chosen by where it is."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

from torch import Tensor, nn

from seqlab.seq2seq.engines.cuda.capture import Capture, Repeated, capture_for
from seqlab.seq2seq.engines.cuda.stepwise import Stepwise
from seqlab.seq2seq.engines.waiting import waits
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.seq2seq import Seq2Seq

# Shapes whose searches are kept: each has its graph, and the tensors that this reads and writes.
MOST_SHAPES = 32
Search = TypeVar("Search")


def stepwise(model: Any) -> Any:
    """The fastest for the model's device that gives what `seqlab.seq2seq.decoding.stepwise.StepwiseModel` asks for.

    On a device that runs ahead an `AheadModel`: who searches with a model again and again keeps it, and with it what
    has been captured.
    """
    device = next(model.parameters()).device
    if isinstance(model, AheadModel) or not waits(device):
        return model
    return AheadModel(model, capture_for(device))


class AheadModel:
    """A model on a device that runs ahead of the program, and the searches that were made for it, shape by shape.

    A `StepwiseModel` too.

    Args:
        model: The model.
        capture: What captures the steps of its searches; None: nothing is.
    """

    def __init__(self, model: Any, capture: Capture | None) -> None:
        self._model = Stepwise(model) if isinstance(model, Seq2Seq) else model
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
        config: ModelConfig = self._model.config
        return config

    def parameters(self) -> Iterator[nn.Parameter]:
        """The parameters."""
        parameters: Iterator[nn.Parameter] = self._model.parameters()
        return parameters

    def encode(self, source: Tensor, source_lengths: Tensor) -> Any:
        """Read a batch of sources."""
        return self._model.encode(source, source_lengths)

    def initial_state(self, memory: Any) -> Any:
        """The state before the first step."""
        return self._model.initial_state(memory)

    def step(self, token: Tensor, state: Any, memory: Any) -> tuple[Tensor, Any, Tensor | None]:
        """One step."""
        found: tuple[Tensor, Any, Tensor | None] = self._model.step(token, state, memory)
        return found

    def _parameters_at(self) -> list[int]:
        return [each.data_ptr() for each in self.parameters()]
