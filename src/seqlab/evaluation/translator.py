"""Text in, translations out: a checkpoint with its tokenizers."""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from seqlab.core.errors import SeqlabError, memory_named
from seqlab.core.special_tokens import EOS, PAD, SPECIAL_TOKENS
from seqlab.evaluation.parameters import Parameters, load_together
from seqlab.evaluation.search.beam import beam_search
from seqlab.evaluation.search.ensemble import Ensemble, stepwise_of
from seqlab.evaluation.translation import AttentionMap, Translation
from seqlab.seq2seq.checkpoint import TOKENIZER
from seqlab.seq2seq.decoding.greedy import greedy
from seqlab.seq2seq.decoding.hypothesis import Hypothesis
from seqlab.seq2seq.engines.choice import choose
from seqlab.seq2seq.engines.engine import Engine
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.tokenizer import Tokenizer, load_tokenizers


class Translator:
    """A trained model between two tokenizers: what `evaluate`, the command line and the served model translate with.

    Args:
        model: The model, or several.
        source: Of what is translated.
        target: Of the translations.
        engine: Makes the steps of the searches.

    Attributes:
        model: The model.
        stepwise: The same, its steps those of the engine.
    """

    def __init__(self, model: Seq2Seq | Ensemble, source: Tokenizer, target: Tokenizer, engine: Engine) -> None:
        self.model = model.eval()
        self.stepwise = stepwise_of(self.model, engine.stepwise)
        self._searched = engine.searched(self.stepwise)
        self.source = source
        self.target = target

    @classmethod
    def load(
        cls,
        folder: Path,
        device: str = "cpu",
        parameters: Parameters = "best",
        others: Sequence[Path] = (),
        engine: Engine | None = None,
    ) -> Self:
        """Load a checkpoint folder such as models/best; `parameters` and `others` as in `load_together`.

        The others are of the same tokenizers: `find_members` sees to it. Without an engine it is the device's fastest.

        Raises:
            SeqlabError: a folder is missing or damaged, or holds the parameters of too few epochs, or the tokenizers
                are not those of the model.
        """
        model = load_together(folder, others, parameters, device)
        source, target = load_tokenizers(folder / TOKENIZER)
        expected = (model.config.source_vocab_size, model.config.target_vocab_size)
        if (source.vocab_size, target.vocab_size) != expected:
            raise SeqlabError(
                f"{folder}: the tokenizers know {source.vocab_size} and {target.vocab_size} tokens, the model "
                f"{expected[0]} and {expected[1]}; put the parts of one checkpoint together, or train again"
            )
        return cls(model, source, target, engine or choose(device, "fast"))

    def encode(self, sentences: Sequence[str]) -> list[list[int]]:
        """Token ids of the sentences, without EOS, cut where stage tokenize cuts them.

        Raises:
            SeqlabError: a sentence is not valid Unicode.
        """
        return [ids[: self.source.max_length] for ids in self.source.encode(sentences)]

    @torch.inference_mode()
    def translate(
        self,
        sentences: Sequence[str],
        *,
        beam_size: int,
        length_penalty: float,
        max_length: int,
        batch_size: int,
        n_best: int = 1,
        attention_of: Collection[int] = (),
        on_batch: Callable[[int], object] | None = None,
    ) -> list[list[Translation]]:
        """Translate each sentence into its `n_best` best translations, best first, in the order of the sentences.

        The ranking is beam search's: by length-penalised log probability. A sentence without tokens has one
        translation, the empty one, with log probability 0: no model is asked.

        Args:
            sentences: Source texts.
            beam_size: Hypotheses kept; 1 is greedy search.
            length_penalty: α of the length penalty; 0: none.
            max_length: Longest translation in tokens.
            batch_size: Sentences searched at once; changes no translation.
            n_best: Translations of each sentence, at most `beam_size`.
            attention_of: Rows whose translations carry their attention map, if the model has attention.
            on_batch: Called after each batch with the number of its sentences.

        Raises:
            SeqlabError: a sentence is not valid Unicode, or memory runs out.
            ValueError: `n_best` exceeds `beam_size`.
        """
        if n_best > beam_size:
            raise ValueError(f"n_best ({n_best}) is larger than beam_size ({beam_size})")
        encoded = self.encode(sentences)
        translations = [[Translation("", 0.0)] for _ in encoded]
        # Sentences of like length together: little padding, and batches whose sentences end at about the same time.
        rows = sorted((row for row, ids in enumerate(encoded) if ids), key=lambda row: (-len(encoded[row]), row))
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            sources = [encoded[row] for row in batch]
            wanted = [row in attention_of for row in batch]
            with memory_named(partial(_what_to_lower, len(batch), beam_size, max_length)):
                found = self._search(sources, beam_size, length_penalty, n_best, max_length, with_attention=any(wanted))
            # All at once: the tokenizer takes much longer for them one by one.
            texts = iter(self.target.decode([hypothesis.tokens for hypotheses in found for hypothesis in hypotheses]))
            for row, source, hypotheses, shown in zip(batch, sources, found, wanted, strict=True):
                translations[row] = self._translations(source, hypotheses, texts, shown)
            if on_batch:
                on_batch(len(batch))
        return translations

    def _search(
        self,
        sources: Sequence[Sequence[int]],
        beam_size: int,
        length_penalty: float,
        n_best: int,
        max_length: int,
        *,
        with_attention: bool,
    ) -> list[list[Hypothesis]]:
        source, lengths = _padded(sources, next(self.model.parameters()).device)
        if beam_size == 1:
            best = greedy(self._searched, source, lengths, max_length=max_length, with_attention=with_attention)
            return [[hypothesis] for hypothesis in best]
        return beam_search(
            self._searched,
            source,
            lengths,
            beam_size=beam_size,
            length_penalty=length_penalty,
            n_best=n_best,
            max_length=max_length,
            with_attention=with_attention,
        )

    def _translations(
        self, source: Sequence[int], hypotheses: Sequence[Hypothesis], texts: Iterator[str], with_attention: bool
    ) -> list[Translation]:
        return [
            Translation(
                text, hypothesis.log_probability, self._attention_map(source, hypothesis) if with_attention else None
            )
            for hypothesis, text in zip(hypotheses, texts, strict=False)
        ]

    def _attention_map(self, source: Sequence[int], hypothesis: Hypothesis) -> AttentionMap | None:
        if hypothesis.attention is None:
            return None
        # The columns are the source's tokens and its end; what follows is padding, whose weights are exactly 0.
        weights = hypothesis.attention[:, : len(source) + 1].tolist()
        source_tokens = [*self.source.pieces(source), SPECIAL_TOKENS[EOS]]
        return AttentionMap(source_tokens, self.target.pieces(hypothesis.tokens), weights)


def _what_to_lower(sentences: int, beam_size: int, max_length: int) -> str:
    return (
        f"in a search of {sentences} sentences, beam size {beam_size}, max_length {max_length}: lower one of these, or "
        "evaluate.batch_size in params.yaml"
    )


def _padded(sources: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return sources (batch, source_len), each ended by EOS, PAD after it; and, on the CPU, their lengths with EOS."""
    lengths = [len(ids) + 1 for ids in sources]
    longest = max(lengths)
    rows = [[*ids, EOS, *[PAD] * (longest - length)] for ids, length in zip(sources, lengths, strict=True)]
    return torch.tensor(rows).to(device), torch.tensor(lengths)
