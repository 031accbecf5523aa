"""Training of a tokenizer's vocabulary by SentencePiece (Kudo & Richardson 2018, arXiv 1808.06226)."""

import io
import re
from collections.abc import Iterable, Iterator
from typing import Any

import sentencepiece

from seqlab.core.errors import SeqlabError
from seqlab.core.special_tokens import EOS, PAD, SOS, UNK, UNKNOWN
from seqlab.text.escape import MARK, escape
from seqlab.text.words import split

# SentencePiece skips text longer than 4,192 bytes, and its Unigram trainer needs minutes for one of 100,000.
_SLICE = re.compile(r"(?s).{1,1000}(?= |\Z)|.{1,1000}")
# A longer run without a space is an address or noise; SentencePiece refuses pieces of several thousand bytes.
_LONGEST_WORD = 200
# The words of a text are not sliced: no trainer but the counting one sees them.
_LONGEST_SENTENCE = 1 << 30


def train_model(texts: Iterable[str], kind: str, vocab_size: int, origin: str) -> bytes:
    """Train on `texts`, streamed; return the SentencePiece model.

    The result depends on nothing but the arguments: SentencePiece runs on one thread (Unigram's result depends on
    their number), reads an iterator and writes to memory (its files embed paths).

    Args:
        texts: unescaped texts.
        kind: `word`, `bpe`, `unigram` or `char`.
        vocab_size: upper bound, the four special tokens included. `word` and `char` keep the most frequent units.
        origin: names the texts in messages.

    Raises:
        SeqlabError: there is no text, or more characters than `vocab_size` in the text of `bpe` or `unigram`.
    """
    corpus = _Corpus(texts, kind)
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(corpus), model_writer=model, model_type=kind, vocab_size=vocab_size, **_OPTIONS[kind]
        )
    except RuntimeError as error:
        if corpus.interruption is not None:
            raise corpus.interruption from None
        raise SeqlabError(_explain(error, corpus, kind, vocab_size, origin)) from None
    return model.getvalue()


class _Corpus:
    """The texts as SentencePiece shall see them, and what came by."""

    def __init__(self, texts: Iterable[str], kind: str) -> None:
        self._texts = texts
        self._kind = kind
        self.alphabet: set[str] = set()
        # SentencePiece turns whatever is raised here, Ctrl-C included, into a RuntimeError of its own.
        self.interruption: BaseException | None = None

    def __iter__(self) -> Iterator[str]:
        try:
            for sentence in self._words() if self._kind == "word" else self._slices():
                self.alphabet.update(sentence)
                yield sentence
        except BaseException as error:
            self.interruption = error
            raise

    def _words(self) -> Iterator[str]:
        for text in self._texts:
            words = [word for word in split(escape(text)) if len(word) <= _LONGEST_WORD]
            if words:
                yield " ".join(words)

    def _slices(self) -> Iterator[str]:
        for text in self._texts:
            yield from _SLICE.findall(escape(text))


_COMMON: dict[str, Any] = {
    "hard_vocab_limit": False,
    "normalization_rule_name": "identity",
    "remove_extra_whitespaces": False,
    "allow_whitespace_only_pieces": True,
    "character_coverage": 1.0,
    "num_threads": 1,
    "minloglevel": 2,
    "pad_id": PAD,
    "unk_id": UNK,
    "bos_id": SOS,
    "eos_id": EOS,
    # A trainer never learns its special tokens' names as text: no text holds the mark before a letter.
    "pad_piece": f"{MARK}pad",
    "unk_piece": f"{MARK}unk",
    "bos_piece": f"{MARK}s",
    "eos_piece": f"{MARK}/s",
    "unk_surface": UNKNOWN,
}
_OPTIONS = {kind: _COMMON | {"add_dummy_prefix": False} for kind in ("bpe", "unigram", "char")}
_OPTIONS["word"] = _COMMON | {"add_dummy_prefix": True, "max_sentence_length": _LONGEST_SENTENCE}


def _explain(error: RuntimeError, corpus: _Corpus, kind: str, vocab_size: int, origin: str) -> str:
    if not corpus.alphabet:
        return f"{origin}: there is no text to train a tokenizer on"
    needed = len(corpus.alphabet) + 4
    if kind in ("bpe", "unigram") and needed > vocab_size:
        return (
            f"{origin}: tokenizer.vocab_size is {vocab_size}, but {kind} needs at least {needed}: one for each "
            f"character of the text and 4 special tokens; raise it, or set tokenizer.kind to word or char"
        )
    return f"{origin}: SentencePiece cannot train a {kind} tokenizer with vocab_size {vocab_size}: {error}"
