"""What a model is worth on the validation set: the validator that training is handed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from seqlab.core import parallel
from seqlab.core.errors import SeqlabError
from seqlab.scoring.bleu import corpus_bleu
from seqlab.scoring.exact_match import exact_match
from seqlab.scoring.perplexity import as_perplexity, summed_nll
from seqlab.scoring.tokenization import uncut_note
from seqlab.seq2seq.decoding.greedy import greedy
from seqlab.seq2seq.engines.engine import Engine
from seqlab.seq2seq.engines.stepwise import StepwiseModel
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.system.terminal import say
from seqlab.text.batches import Batch, sequential
from seqlab.text.encoded import EncodedSplit, open_split
from seqlab.text.tokenizer import Tokenizer, load_tokenizers
from seqlab.training.validator import ValidationScores

BATCH_SIZE = 256


class Validation:
    """Loss and perplexity under teacher forcing, against first references; BLEU and exact match of greedy translations
    without it.

    All are of the float32 model, whatever precision it is trained in.
    """

    def __init__(
        self,
        split: EncodedSplit,
        tokenizer: Tokenizer,
        references: Sequence[tuple[str, ...]],
        max_length: int,
        tokenize: str,
        engine: Engine,
    ) -> None:
        """Take a split, the target tokenizer, each row's references, and the longest translation in tokens.

        `tokenize` is sacreBLEU's name of how BLEU tokenizes; `engine` computes the loss, and the steps of the search.
        """
        self._split = split
        self._tokenizer = tokenizer
        self._references = references
        self._max_length = max_length
        self._tokenize = tokenize
        self._engine = engine
        # The model scored last, and as the searches use it: with what they have captured.
        self._model: Seq2Seq | None = None
        self._searched: StepwiseModel | None = None

    @classmethod
    def open(cls, tokenized: Path, raw: Path, max_length: int, tokenize: str, engine: Engine) -> Self:
        """Open the validation split of data/tokenized (`tokenized`) and data/raw (`raw`).

        Raises:
            SeqlabError: a file is missing or damaged, the two do not belong together, they are empty, or BLEU's
                tokenizer lacks something.
        """
        references = [example.references for example in parallel.read(raw / "valid.jsonl")]
        split = open_split(tokenized / "valid")
        if not references or len(split) != len(references):
            raise SeqlabError(
                f"{tokenized / 'valid'} has {len(split)} sentences and {raw / 'valid.jsonl'} has {len(references)}: "
                "both must have the same, and at least one; run `dvc repro` to make them anew"
            )
        source, target = load_tokenizers(tokenized / "tokenizer")
        split.require_vocabularies(source.vocab_size, target.vocab_size)
        if note := uncut_note(tokenize, references):
            say(f"train: warning: {note}", err=True)
        return cls(split, target, references, max_length, tokenize, engine)

    def __call__(self, model: Seq2Seq, safe_point: Callable[[], None]) -> ValidationScores:
        """Score a model; `safe_point` is called before each batch."""
        translations = [""] * len(self._split)
        total, tokens = 0.0, 0
        for batch in sequential(self._split, BATCH_SIZE):
            safe_point()
            nll, count = summed_nll(model, batch, self._engine)
            total += nll
            tokens += count
            for row, text in zip(batch.indices.tolist(), self._translate(model, batch), strict=True):
                translations[row] = text
        loss = total / tokens
        bleu = corpus_bleu(translations, self._references, tokenize=self._tokenize)
        return ValidationScores(loss, as_perplexity(loss), bleu, exact_match(translations, self._references))

    def _translate(self, model: Seq2Seq, batch: Batch) -> list[str]:
        if self._searched is None or self._model is not model:
            self._model, self._searched = model, self._engine.searched(self._engine.stepwise(model))
        source = batch.source.to(next(model.parameters()).device)
        hypotheses = greedy(self._searched, source, batch.source_lengths, max_length=self._max_length)
        # A source without tokens has an empty translation, as everywhere.
        empty = (batch.source_lengths == 1).tolist()
        return self._tokenizer.decode(
            [[] if nothing else hypothesis.tokens for hypothesis, nothing in zip(hypotheses, empty, strict=True)]
        )
