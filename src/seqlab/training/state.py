"""Everything of a training under way that is not a tensor."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter

from seqlab.training.curves import EpochPoint, StepPoint
from seqlab.training.early_stopping import EarlyStopping
from seqlab.training.learning_rate import Plateau
from seqlab.training.update import StepResult
from seqlab.training.validator import ValidationScores


@dataclass(slots=True)
class Totals:
    """Sums over some optimizer steps: `loss` and `nll` over target tokens, `gradient_norm` over steps."""

    steps: int = 0
    tokens: int = 0
    loss: float = 0.0
    nll: float = 0.0
    gradient_norm: float = 0.0

    def add(self, *, tokens: int, loss: float, nll: float, gradient_norm: float) -> None:
        """Add one step; `loss` and `nll` are its means per target token."""
        self.steps += 1
        self.tokens += tokens
        self.loss += loss * tokens
        self.nll += nll * tokens
        self.gradient_norm += gradient_norm


@dataclass(slots=True)
class TrainingState:
    """Where training stands, and the curves so far.

    `step` counts the optimizer steps done and `batch` those of the present epoch; `epoch` counts from 1.
    `learning_rate` and `teacher_forcing_ratio` are the last step's. `window` sums over the steps since the last
    `StepPoint`, `epoch_totals` over the epoch.
    """

    step: int = 0
    epoch: int = 1
    batch: int = 0
    learning_rate: float = 0.0
    teacher_forcing_ratio: float = 1.0
    clipped_steps: int = 0
    largest_gradient_norm: float = 0.0
    window: Totals = field(default_factory=Totals)
    epoch_totals: Totals = field(default_factory=Totals)
    plateau: Plateau = field(default_factory=Plateau)
    early_stopping: EarlyStopping = field(default_factory=EarlyStopping)
    step_points: list[StepPoint] = field(default_factory=list)
    epoch_points: list[EpochPoint] = field(default_factory=list)

    def count(self, result: StepResult, max_grad_norm: float) -> None:
        """Take in the result of a step, whose gradient was clipped above `max_grad_norm`, if that is not 0."""
        for totals in (self.window, self.epoch_totals):
            totals.add(tokens=result.tokens, loss=result.loss, nll=result.nll, gradient_norm=result.gradient_norm)
        self.learning_rate = result.learning_rate
        self.teacher_forcing_ratio = result.teacher_forcing_ratio
        self.largest_gradient_norm = max(self.largest_gradient_norm, result.gradient_norm)
        if 0 < max_grad_norm < result.gradient_norm:
            self.clipped_steps += 1

    def end_window(self, step: int, epoch: int) -> StepPoint:
        """Begin another window after this step; return the point of the one before."""
        point = StepPoint(
            step=step,
            epoch=epoch,
            loss=self.window.loss / self.window.tokens,
            learning_rate=self.learning_rate,
            gradient_norm=self.window.gradient_norm / self.window.steps,
            teacher_forcing_ratio=self.teacher_forcing_ratio,
        )
        self.step_points.append(point)
        self.window = Totals()
        return point

    def end_epoch(self, scores: ValidationScores) -> EpochPoint:
        """Begin the next epoch; return the point of the one before, with its validation scores."""
        totals = self.epoch_totals
        point = EpochPoint(
            epoch=self.epoch,
            step=self.step,
            train_loss=totals.loss / totals.tokens,
            train_nll=totals.nll / totals.tokens,
            valid_loss=scores.loss,
            valid_perplexity=scores.perplexity,
            valid_bleu=scores.bleu,
            valid_exact_match=scores.exact_match,
            learning_rate=self.learning_rate,
            teacher_forcing_ratio=self.teacher_forcing_ratio,
            gradient_norm=totals.gradient_norm / totals.steps,
        )
        self.epoch_points.append(point)
        self.epoch_totals = Totals()
        self.epoch += 1
        self.batch = 0
        return point

    def to_json(self) -> str:
        """JSON that `from_json` turns back into the very same floats."""
        return json.dumps(asdict(self), allow_nan=False)

    @staticmethod
    def from_json(text: str) -> "TrainingState":
        """Inverse of `to_json`.

        Raises:
            ValueError: the text is not such a state.
        """
        record: Any = json.loads(text)
        return TypeAdapter(TrainingState).validate_python(record)
