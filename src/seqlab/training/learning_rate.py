"""Learning-rate schedules."""

from dataclasses import dataclass

from seqlab.params.schema import TrainParams


@dataclass(slots=True)
class Plateau:
    """Multiplies the learning rate by `decay` after more than `patience` epochs whose loss is no new minimum.

    The rule of `torch.optim.lr_scheduler.ReduceLROnPlateau` with threshold 0.
    """

    factor: float = 1.0
    lowest_loss: float | None = None
    bad_epochs: int = 0

    def update(self, loss: float, *, decay: float, patience: int) -> None:
        """Take in the validation loss of one more epoch."""
        if self.lowest_loss is None or loss < self.lowest_loss:
            self.lowest_loss = loss
            self.bad_epochs = 0
            return
        self.bad_epochs += 1
        if self.bad_epochs > patience:
            self.factor *= decay
            self.bad_epochs = 0


def learning_rate_at(params: TrainParams, *, step: int, epoch: int, plateau_factor: float) -> float:
    """The learning rate of an optimizer step.

    `inverse_sqrt` is the schedule of Vaswani et al. 2017 (eq. 3), scaled to reach `learning_rate` at the end of
    warm-up; without warm-up it starts there. In warm-up, the other schedules are multiplied by `step / warmup_steps`.

    Args:
        params: The schedule and its constants.
        step: The optimizer step that is about to be made, from 1 on.
        epoch: Its epoch, from 1 on.
        plateau_factor: The present factor of the plateau schedule; other schedules ignore it.
    """
    warmup = min(1.0, step / params.warmup_steps) if params.warmup_steps else 1.0
    return params.learning_rate * warmup * _decay(params, step, epoch, plateau_factor)


def _decay(params: TrainParams, step: int, epoch: int, plateau_factor: float) -> float:
    match params.learning_rate_schedule:
        case "constant":
            return 1.0
        case "exponential":
            return params.learning_rate_decay ** (epoch - 1)
        case "plateau":
            return plateau_factor
        case "inverse_sqrt":
            peak = max(1, params.warmup_steps)
            return float((peak / max(peak, step)) ** 0.5)
