"""Beam search over batches of a fixed shape."""

from dataclasses import dataclass

import torch
from torch import Tensor

from seqlab.core.special_tokens import EOS, SOS
from seqlab.evaluation.search.history import Ended, History
from seqlab.evaluation.search.penalty import penalty_of
from seqlab.seq2seq.decoding.fixed import FixedSearch, padded_shape
from seqlab.seq2seq.decoding.hypothesis import Hypothesis
from seqlab.seq2seq.decoding.ranking import best_continuations, best_unasked, log_probabilities
from seqlab.seq2seq.engines.ahead_model import AheadModel
from seqlab.seq2seq.engines.capture import Repeated
from seqlab.seq2seq.engines.stepwise import StepwiseModel

_HOST = torch.device("cpu")


@dataclass(frozen=True)
class Options:
    """What a search is fixed to beside its shape; see `seqlab.evaluation.search.beam.beam_search`."""

    beam_size: int
    n_best: int
    max_length: int
    with_attention: bool


def find(
    model: AheadModel, source: Tensor, source_lengths: Tensor, options: Options, length_penalty: float
) -> list[list[Hypothesis]]:
    """Search, with the search that was kept for the batch's shape; as `seqlab.evaluation.search.beam.beam_search`."""
    shape = padded_shape(*source.shape)
    search = model.search((shape, options), lambda repeated: FixedBeam(model, repeated, shape, options))
    return search.find(source, source_lengths, length_penalty)


class FixedBeam(FixedSearch):
    """The places of all sentences, at every step as many; those of a sentence that is done are dead."""

    def __init__(self, model: StepwiseModel, repeated: Repeated, shape: tuple[int, int], options: Options) -> None:
        beam_size, max_length, device = options.beam_size, options.max_length, next(model.parameters()).device
        super().__init__(model, repeated, shape, beam_size, max_length)
        self._options = options
        places = (shape[0], beam_size)
        self._fed = torch.zeros(shape[0] * beam_size, dtype=torch.int64, device=device)
        # −∞ marks a place without a live hypothesis.
        self._log_probability = torch.zeros(places, dtype=torch.float64, device=device)
        self._parents, self._tokens = (
            torch.zeros(max_length, *places, dtype=torch.int64, device=device) for _ in range(2)
        )
        self._weights: Tensor | None = None
        if options.with_attention:
            self._weights = torch.zeros(max_length, *places, shape[1], device=device)
        self._ended = Ended(shape[0], beam_size, device)
        # After so many steps.
        self._penalties = torch.zeros(max_length + 1, dtype=torch.float64, device=device)
        self._places = torch.arange(beam_size, device=device)
        self._first = torch.arange(shape[0], device=device)[:, None] * beam_size

    def find(self, source: Tensor, source_lengths: Tensor, length_penalty: float) -> list[list[Hypothesis]]:
        """Translate a batch; α is the `length_penalty`."""
        penalties = [penalty_of(steps, length_penalty) for steps in range(self.max_length + 1)]
        self._penalties.copy_(torch.tensor(penalties, dtype=torch.float64))
        self._fed.fill_(SOS)
        # Each sentence begins with the empty hypothesis.
        self._log_probability.fill_(-torch.inf)[: len(source), 0] = 0
        self._ended.clear()
        steps = self.run(source, source_lengths)
        self._end(self.going(), self._log_probability, finished=False)
        return self._ended.to(_HOST).hypotheses(
            len(source), self._options.n_best, self._history(steps, source.shape[1])
        )

    def step(self) -> None:
        """One step."""
        beam_size = self._options.beam_size
        scores, state, weights = self.model.step(self._fed, self.state, self.memory)
        reached, parent, token = best_continuations(
            log_probabilities(scores).view(-1, beam_size, scores.shape[1]),
            self._log_probability,
            beam_size,
            best_unasked,
        )
        self.write(self._parents, parent)
        self.write(self._tokens, token)
        if self._weights is not None and weights is not None:
            self.write(self._weights, weights.to(self._weights.dtype).view(self._weights.shape[1:]))
        self.keep(state.select((parent + self._first).flatten()))
        held = self._ended.count()[:, None]
        reached = reached.masked_fill(self._places >= beam_size - held, -torch.inf)
        finished = (token == EOS) & (reached > -torch.inf)
        self._end(finished, reached, finished=True)
        reached = reached.masked_fill(finished, -torch.inf)
        done = self._ended.worst(self._options.n_best) >= reached.amax(1) / self._penalties[-1]
        self._log_probability.copy_(reached.masked_fill(done[:, None], -torch.inf))
        self._fed.copy_(token.flatten())

    def going(self) -> Tensor:
        """The live hypotheses."""
        return self._log_probability > -torch.inf

    def _end(self, ending: Tensor, log_probability: Tensor, *, finished: bool) -> None:
        penalty = self._penalties.index_select(0, self.steps)
        self._ended.add(ending, log_probability, steps=self.steps, penalty=penalty, finished=finished)

    def _history(self, steps: int, source_len: int) -> History:
        """That of the first steps, on the CPU."""
        rows = torch.arange(self.shape[0])
        history = History(len(rows), source_len if self._weights is not None else 0)
        parents, tokens = (each[:steps].cpu() for each in (self._parents, self._tokens))
        weights = None if self._weights is None else self._weights[:steps, :, :, :source_len].flatten(1, 2).cpu()
        for step in range(steps):
            history.append(rows, parents[step], tokens[step], None if weights is None else weights[step])
        return history
