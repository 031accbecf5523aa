"""What the hypotheses of a beam have generated."""

from dataclasses import dataclass, field, fields

import torch
from torch import Tensor

from seqlab.seq2seq.decoding.hypothesis import Hypothesis
from seqlab.seq2seq.model.order import any_order


@dataclass
class _Stretch:
    """Steps of the same sentences: who continued whom, with what.

    Attributes:
        rows: (live,), which of all sentences they are.
        parents: Of each step, (live, beam).
        tokens: Likewise.
        weights: Of each step, attention weights (live, beam, source_len), those of the places before the step, of which
            the first step has fewer; empty: not kept.
    """

    rows: Tensor
    parents: list[Tensor] = field(default_factory=list)
    tokens: list[Tensor] = field(default_factory=list)
    weights: list[Tensor] = field(default_factory=list)


class History:
    """The steps of a beam over a batch, each place's parent beside its token.

    A hypothesis is read back from its last place, parent by parent; so a step costs the same however long they are.

    Args:
        sentences: Of the whole batch.
        source_len: Width of the attention weights to keep; 0: none.
    """

    def __init__(self, sentences: int, source_len: int) -> None:
        self._sentences, self._source_len = sentences, source_len
        self._stretches: list[_Stretch] = []

    def append(self, rows: Tensor, parent: Tensor, token: Tensor, weights: Tensor | None) -> None:
        """Continue the hypotheses of some sentences.

        Args:
            rows: (live,), which of all sentences they are; the same tensor while they are the same.
            parent: (live, beam), the place that each place continues.
            token: (live, beam), with what.
            weights: (live · places before the step, ≥ source_len), the attention weights with which it came.
        """
        if not self._stretches or self._stretches[-1].rows is not rows:
            self._stretches.append(_Stretch(rows))
        stretch = self._stretches[-1]
        stretch.parents.append(parent)
        stretch.tokens.append(token)
        if self._source_len and weights is not None:
            kept = weights[:, : self._source_len].float().view(len(rows), -1, self._source_len)
            # Before the first step each sentence has one place.
            stretch.weights.append(kept.expand(-1, parent.shape[1], -1))

    def trace(self, ends: Tensor, places: Tensor) -> tuple[Tensor, Tensor | None]:
        """Read hypotheses of the first sentences back.

        Args:
            ends: (first, hypotheses), the steps of each.
            places: (first, hypotheses), its place after the last of them.

        Returns:
            tokens (first, hypotheses, steps), with EOS; whatever stands after a hypothesis' end means nothing. And the
            attention weights (first, hypotheses, steps, source_len), if kept.
        """
        sentences, tokens, weights = len(ends), list[Tensor](), list[Tensor]()
        number = sum(len(stretch.tokens) for stretch in self._stretches)
        for stretch in reversed(self._stretches):
            parents, said = (
                self._spread(each, stretch.rows)[:, :sentences] for each in (stretch.parents, stretch.tokens)
            )
            seen = self._spread(stretch.weights, stretch.rows)[:, :sentences] if stretch.weights else None
            for step in range(len(said) - 1, -1, -1):
                number -= 1
                tokens.append(said[step].gather(1, places))
                places = torch.where(ends > number, parents[step].gather(1, places), places)
                if seen is not None:
                    weights.append(seen[step].take_along_dim(places[:, :, None], 1))
        return torch.stack(tokens[::-1], 2), torch.stack(weights[::-1], 2) if weights else None

    def _spread(self, values: list[Tensor], rows: Tensor) -> Tensor:
        """The values of some rows at their places among all, (steps, sentences, …)."""
        together = torch.stack(values)
        return together.new_zeros(len(values), self._sentences, *together.shape[2:]).index_copy_(1, rows, together)


@dataclass
class _Slots:
    """Hypotheses that have ended, (sentences, beam + 1), in the order in which they did; the last is for what has not.

    Attributes:
        count: (sentences,), how many.
    """

    count: Tensor
    score: Tensor
    log_probability: Tensor
    finished: Tensor
    steps: Tensor
    place: Tensor

    def select(self, rows: Tensor) -> "_Slots":
        """Those of these sentences."""
        return _Slots(*(getattr(self, each.name)[rows] for each in fields(self)))


class Ended:
    """The hypotheses of all sentences that have ended, in the order in which they did."""

    def __init__(self, sentences: int, beam_size: int, device: torch.device) -> None:
        shape = (sentences, beam_size + 1)
        none = torch.full(shape, -torch.inf, dtype=torch.float64, device=device)
        count, zeros = (torch.zeros(size, dtype=torch.int64, device=device) for size in (sentences, shape))
        false = torch.zeros(shape, dtype=torch.bool, device=device)
        self._all = _Slots(count, none, none.clone(), false, zeros, zeros.clone())
        self._live = self._all

    def clear(self) -> None:
        """None has ended, and all sentences are live."""
        for each in fields(_Slots):
            getattr(self._all, each.name).fill_(-torch.inf if each.name in ("score", "log_probability") else 0)
        self._live = self._all

    def to(self, device: torch.device) -> "Ended":
        """The same on another device."""
        part = object.__new__(Ended)
        part._all = part._live = _Slots(*(getattr(self._all, each.name).to(device) for each in fields(_Slots)))
        return part

    def count(self) -> Tensor:
        """How many hypotheses of the live sentences have ended, (live,)."""
        return self._live.count

    def worst(self, n_best: int) -> Tensor:
        """The score of the n-th best of each live sentence, (live,); −∞ while there are fewer."""
        return self._live.score[:, :-1].topk(n_best, dim=1).values[:, -1]

    def add(self, ending: Tensor, log_probability: Tensor, *, steps: Tensor, penalty: Tensor, finished: bool) -> None:
        """Add those live hypotheses that `ending` says.

        Args:
            ending: (live, beam).
            log_probability: (live, beam).
            steps: Of each, int64, one number.
            penalty: Their length penalty, float64, likewise.
            finished: Whether they end with EOS.
        """
        live, unused = self._live, self._live.score.shape[1] - 1
        slot = torch.where(ending, live.count[:, None] + ending.cumsum(1) - 1, unused)
        place = torch.arange(ending.shape[1], device=ending.device).expand_as(slot)
        values = ((live.log_probability, log_probability), (live.score, log_probability / penalty), (live.place, place))
        with any_order():  # but for what is not used
            for there, value in values:
                there.scatter_(1, slot, value)
            live.finished.scatter_(1, slot, finished)
            live.steps.scatter_(1, slot, steps.expand_as(slot))
        live.score[:, -1].fill_(-torch.inf)
        live.count += ending.sum(1)

    def leave(self, rows: Tensor, going: Tensor) -> None:
        """Only some of the live sentences stay so.

        Args:
            rows: (live,), which of all sentences they are.
            going: (staying,), which of the live ones stay.
        """
        self.put(rows)
        self._live = self._live.select(going)

    def put(self, rows: Tensor) -> None:
        """Put the live sentences beside the others."""
        if self._live is not self._all:
            for each in fields(_Slots):
                getattr(self._all, each.name)[rows] = getattr(self._live, each.name)

    def hypotheses(self, sentences: int, n_best: int, history: History) -> list[list[Hypothesis]]:
        """The n best of each of the first sentences: finished before unfinished, then by score, then who ended first.

        Args:
            sentences: How many sentences.
            n_best: How many hypotheses of each.
            history: What they generated.
        """
        every = self._all
        order = every.score[:, :-1].sort(dim=1, descending=True, stable=True).indices
        order = order.gather(1, every.finished.gather(1, order).sort(dim=1, descending=True, stable=True).indices)
        order = order[:sentences, :n_best]
        steps, place, finished, score, log_probability = (
            values[:sentences].gather(1, order)
            for values in (every.steps, every.place, every.finished, every.score, every.log_probability)
        )
        tokens, weights = history.trace(steps, place)
        weights = None if weights is None else weights.cpu()
        columns = (steps - finished.long(), tokens, score, log_probability)
        return [
            [
                Hypothesis(
                    ids[:length], ranked, likely, None if weights is None else weights[row, number, :length].clone()
                )
                for number, (length, ids, ranked, likely) in enumerate(zip(*best, strict=True))
                if number < count
            ]
            for row, (count, *best) in enumerate(
                zip(every.count[:sentences].tolist(), *(column.tolist() for column in columns), strict=True)
            )
        ]
