"""The points of the learning curves."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepPoint:
    """Means over `train.log_every` optimizer steps; one row of reports/steps.csv.

    `loss` is the training objective, per target token; `gradient_norm` is before clipping, the mean over the steps;
    `learning_rate` and `teacher_forcing_ratio` are the last step's.
    """

    step: int
    epoch: int
    loss: float
    learning_rate: float
    gradient_norm: float
    teacher_forcing_ratio: float


@dataclass(frozen=True, slots=True)
class EpochPoint:
    """An epoch of training and the validation after it; one row of reports/curves.csv.

    `train_loss` is the training objective (label smoothing, teacher forcing and dropout as trained) and `train_nll` its
    unsmoothed negative log-likelihood, both in nats per target token. `valid_loss` and `valid_perplexity` are under
    full teacher forcing, `valid_bleu` and `valid_exact_match` are of free-running greedy translations. The rest is
    as in `StepPoint`.
    """

    epoch: int
    step: int
    train_loss: float
    train_nll: float
    valid_loss: float
    valid_perplexity: float
    valid_bleu: float
    valid_exact_match: float
    learning_rate: float
    teacher_forcing_ratio: float
    gradient_norm: float
