"""What the training loop tells those who listen: a history, a progress bar, a journal.

Wall-clock times and throughput stand in events only, never in an output.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seqlab.training.curves import EpochPoint, StepPoint
from seqlab.training.early_stopping import Best


@dataclass(frozen=True, slots=True)
class TrainingStarted:
    """Training starts, or goes on from a saved state: then `step` > 0, and the points are those made before.

    `continued`: the state is that in which a training of fewer epochs ended.
    """

    step: int
    epoch: int
    epochs: int
    steps_per_epoch: int
    parameters: int
    step_points: tuple[StepPoint, ...]
    epoch_points: tuple[EpochPoint, ...]
    continued: bool = False


@dataclass(frozen=True, slots=True)
class BatchFinished:
    """One optimizer step: its loss per target token, its target tokens, and its time."""

    step: int
    epoch: int
    loss: float
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class StepFinished:
    """Another `train.log_every` steps are done (fewer at the end of training), and what they took since this start."""

    point: StepPoint
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class EpochFinished:
    """An epoch is trained and validated.

    Of `train_seconds` and `tokens_per_second` a resumed epoch counts only what was done since. `clipped_steps` counts
    from the start of training.
    """

    point: EpochPoint
    best: bool
    clipped_steps: int
    train_seconds: float
    valid_seconds: float
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """A checkpoint for use (not for resuming) was written to `folder`."""

    kind: Literal["best", "last"]
    folder: Path
    epoch: int
    step: int


@dataclass(frozen=True, slots=True)
class StateSaved:
    """The state was saved from which an interrupted training resumes."""

    step: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TrainingFinished:
    """All epochs are done, or training stopped early.

    `clipped_steps` counts the steps whose gradient norm was above `train.max_grad_norm`; `largest_gradient_norm` is
    before clipping; `seconds` is since this start. `kept` are the epochs whose parameters are kept, best first.
    """

    best: Best
    kept: tuple[int, ...]
    epochs: int
    steps: int
    stopped_early: bool
    parameters: int
    clipped_steps: int
    largest_gradient_norm: float
    seconds: float


Event = TrainingStarted | BatchFinished | StepFinished | EpochFinished | CheckpointSaved | StateSaved | TrainingFinished
Listener = Callable[[Event], None]
