"""Several models that translate as one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqlab.seq2seq.model.memory import DecoderState, Memory
from seqlab.seq2seq.model.seq2seq import Seq2Seq


@dataclass(frozen=True)
class EnsembleMemory:
    """A batch of sources as each member has encoded it."""

    members: tuple[Memory, ...]

    @property
    def rows(self) -> int:
        """Sources in the batch."""
        return self.members[0].rows

    def select(self, rows: Tensor) -> "EnsembleMemory":
        """The memory of these rows of the batch, in this order."""
        return EnsembleMemory(tuple(member.select(rows) for member in self.members))


@dataclass(frozen=True)
class EnsembleState:
    """The members' decoders between two steps."""

    members: tuple[DecoderState, ...]

    def select(self, rows: Tensor) -> "EnsembleState":
        """The state of these rows of the batch, in this order."""
        return EnsembleState(tuple(member.select(rows) for member in self.members))


class Ensemble(nn.Module):
    """Models of one configuration, each token's probability being the mean of theirs (Sutskever et al. 2014).

    The searches use it as they use a Seq2Seq; it cannot be trained.

    Args:
        members: At least one.

    Raises:
        ValueError: the members have different configurations.
    """

    def __init__(self, members: Sequence[Seq2Seq]) -> None:
        super().__init__()
        self.config = members[0].config
        if any(member.config != self.config for member in members):
            raise ValueError("the members of an ensemble must have the same configuration")
        self._members = list(members)
        self.members = nn.ModuleList(members)

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
            and the mean of the members' attention weights (batch · k, source_len), None without attention.
        """
        parts = zip(self._members, state.members, memory.members, strict=True)
        steps = (member.step(token, before, encoded) for member, before, encoded in parts)
        scores, states, weights = zip(*steps, strict=True)
        together = torch.stack([each.log_softmax(1) for each in scores]).logsumexp(0) - math.log(len(scores))
        attention = None if weights[0] is None else torch.stack(weights).mean(0)
        return together, EnsembleState(states), attention
