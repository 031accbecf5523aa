"""Optimizer steps on a device that runs ahead: what a step gave is known when the next one has begun."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from seqlab.params.schema import TrainParams
from seqlab.seq2seq.engines.capture import Capture, Work
from seqlab.seq2seq.engines.engine import Engine
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import Batch
from seqlab.training.graphs.inputs import Inputs, Shape
from seqlab.training.graphs.step import OptimizerStep, Settings
from seqlab.training.graphs.steps import Steps
from seqlab.training.seeds import stream_seed
from seqlab.training.update import StepResult, Updater, check_finite, memory_for

# Where batches are counted in tokens, their rows go up to a multiple of it.
ROWS = 8


@dataclass(frozen=True)
class _Begun:
    """A step under way, and what waits for its figures."""

    batch: Batch
    place: str
    learning_rate: float
    ratio: float
    figures: Callable[[], list[float]]


class AheadUpdater(Updater):
    """Makes optimizer steps that are whole pieces of work on the device; see `Updater`.

    A step whose numbers are not finite changes nothing, and no step after it does, so that the parameters are as they
    were when it is found out.
    """

    def __init__(
        self, model: Seq2Seq, params: TrainParams, seed: int, engine: Engine, capture: Capture | None = None
    ) -> None:
        super().__init__(model, params, seed, engine)
        if engine.gradients is None:
            raise ValueError(f"the engine {engine.name} makes no steps ahead")
        for group in self.optimizer.param_groups:
            group["capturable"] = True
        averaged = list(self.average.model.parameters()) if self.average else []
        settings = Settings(params.max_grad_norm, params.label_smoothing, params.precision)
        step = OptimizerStep(model, self.optimizer, averaged, settings, engine.gradients)
        self._steps = Steps(step, self._device, capture)
        self._begun: deque[_Begun] = deque()

    def update(self, batch: Batch, *, step: int, learning_rate: float, place: str) -> StepResult:
        """As `Updater.update`; waits for the step."""
        results = self.begin(batch, step=step, learning_rate=learning_rate, place=place)
        return [*results, *self.finish()][-1]

    def begin(self, batch: Batch, *, step: int, learning_rate: float, place: str) -> list[StepResult]:
        """Begin a step, and wait for the one before."""
        ratio = self.ratio(step)
        coins = self.coins(batch, step, ratio)
        rows = self._params.batch_size if self._params.batch_by == "sentences" else -(-len(batch.source) // ROWS) * ROWS
        fill = partial(self._fill, batch=batch, coins=coins, step=step, learning_rate=learning_rate)
        with memory_for(batch, place):
            figures = self._steps.begin(Shape.of(batch.source, batch.target, coins, rows), fill)
        self._begun.append(_Begun(batch, place, learning_rate, ratio, figures))
        return [self._finish()] if len(self._begun) > 1 else []

    def finish(self) -> list[StepResult]:
        """Wait for all steps under way."""
        return [self._finish() for _ in range(len(self._begun))]

    def repeated(self, work: Work) -> Work:
        """Captured too."""
        return self._steps.repeated(work)

    def _fill(self, inputs: Inputs, *, batch: Batch, coins: Tensor, step: int, learning_rate: float) -> None:
        inputs.fill(
            batch.source,
            batch.source_lengths,
            batch.target,
            batch.target_lengths,
            coins,
            # Odd, as the generator needs it.
            key=stream_seed(self._seed, "dropout", step) | 1,
            learning_rate=learning_rate,
            average_weight=self.average.weight(step) if self.average else 0.0,
        )

    def _finish(self) -> StepResult:
        begun = self._begun.popleft()
        with memory_for(begun.batch, begun.place):
            loss, nll, norm = begun.figures()
        tokens = int(begun.batch.target_lengths.sum())
        result = StepResult(loss, nll, tokens, norm, begun.learning_rate, begun.ratio)
        check_finite(result, begun.batch, begun.place)
        return result
