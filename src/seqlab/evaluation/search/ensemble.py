"""Several models that translate as one."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from seqlab.seq2seq.engines.stepwise import StepwiseModel
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.seq2seq import Seq2Seq


@dataclass(frozen=True)
class EnsembleMemory:
    """A batch of sources as each member has encoded it."""

    members: tuple[Any, ...]

    @property
    def rows(self) -> int:
        """Sources in the batch."""
        return int(self.members[0].rows)

    def select(self, rows: Tensor) -> "EnsembleMemory":
        """The memory of these rows of the batch, in this order."""
        return EnsembleMemory(tuple(member.select(rows) for member in self.members))


@dataclass(frozen=True)
class EnsembleState:
    """The members' decoders between two steps."""

    members: tuple[Any, ...]

    def select(self, rows: Tensor) -> "EnsembleState":
        """The state of these rows of the batch, in this order."""
        return EnsembleState(tuple(member.select(rows) for member in self.members))


class Ensemble(nn.Module):
    """Models of the same vocabularies, each token's probability being the mean of theirs (Sutskever et al. 2014).

    The searches use it as they use a Seq2Seq; it cannot be trained. A member may be an ensemble itself, and counts as
    one: its mean is what it says.

    Args:
        members: At least one, of any shape.
        stepwise: Gives the members that make the steps, as an engine does; None: they make them themselves.

    Raises:
        ValueError: the members have vocabularies of different sizes.
    """

    def __init__(
        self, members: Sequence["Seq2Seq | Ensemble"], stepwise: Callable[[Seq2Seq], StepwiseModel] | None = None
    ) -> None:
        super().__init__()
        configs: list[ModelConfig] = [member.config for member in members]
        if len({(config.source_vocab_size, config.target_vocab_size) for config in configs}) > 1:
            raise ValueError("the members of an ensemble must have the same vocabularies")
        # The searches ask it for the vocabularies, and whether there are attention weights.
        self.config: ModelConfig = next((config for config in configs if config.attention != "none"), configs[0])
        self._models = list(members)
        self._members: list[StepwiseModel] = list(members)
        if stepwise is not None:
            self._members = [stepwise_of(member, stepwise) for member in members]
        self.members = nn.ModuleList(members)

    def with_steps(self, stepwise: Callable[[Seq2Seq], StepwiseModel]) -> "Ensemble":
        """The same models, whose steps are made by what `stepwise` gives."""
        return Ensemble(self._models, stepwise)

    def encode(self, source: Tensor, source_lengths: Tensor) -> EnsembleMemory:
        """Read a batch of sources, as `Seq2Seq.encode` does without dropout."""
        return EnsembleMemory(tuple(member.encode(source, source_lengths) for member in self._members))

    def initial_state(self, memory: EnsembleMemory) -> EnsembleState:
        """The decoders before their first step."""
        pairs = zip(self._members, memory.members, strict=True)
        return EnsembleState(tuple(member.initial_state(encoded) for member, encoded in pairs))

    def step(
        self, token: Tensor, state: EnsembleState, memory: EnsembleMemory
    ) -> tuple[Tensor, EnsembleState, Tensor | None]:
        """One step of every decoder; see `Seq2Seq.step`.

        Returns:
            scores (batch · k, target_vocab_size), the logarithms of the members' mean probabilities; the next state;
            and the mean of the attention weights (batch · k, source_len) of the members that have some, None if none
            has.
        """
        parts = zip(self._members, state.members, memory.members, strict=True)
        steps = (member.step(token, before, encoded) for member, before, encoded in parts)
        scores, states, weights = zip(*steps, strict=True)
        together = torch.stack([each.log_softmax(1) for each in scores]).logsumexp(0) - math.log(len(scores))
        attention = [each for each in weights if each is not None]
        return together, EnsembleState(states), torch.stack(attention).mean(0) if attention else None


def stepwise_of(model: Seq2Seq | Ensemble, stepwise: Callable[[Seq2Seq], StepwiseModel]) -> StepwiseModel:
    """A model, or each of an ensemble's, as `stepwise` gives it."""
    return model.with_steps(stepwise) if isinstance(model, Ensemble) else stepwise(model)
