"""Text to token ids and back, for one side of a corpus."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import sentencepiece

from seqlab.core.errors import SeqlabError
from seqlab.core.special_tokens import EOS, PAD, SOS, SPECIAL_TOKENS, UNK, UNKNOWN
from seqlab.text.escape import EMPTY, escape, unescape
from seqlab.text.words import join, split

KINDS = ("word", "bpe", "unigram", "char")
CONFIG = "config.json"
SIDES = ("source", "target")

# More threads pay only for thousands of texts; the result is the same with any number.
_THREADS = 4
_TEXTS_PER_THREAD = 256


class _Units(Protocol):
    """What the four kinds differ in; texts are escaped."""

    def encode(self, texts: list[str]) -> list[list[int]]: ...

    def decode(self, ids: list[list[int]]) -> list[str]: ...


class _Subwords:
    """SentencePiece encodes and decodes."""

    def __init__(self, processor: sentencepiece.SentencePieceProcessor) -> None:
        self._processor = processor

    def encode(self, texts: list[str]) -> list[list[int]]:
        threads = min(_THREADS, 1 + len(texts) // _TEXTS_PER_THREAD)
        ids: list[list[int]] = self._processor.encode(texts, num_threads=threads)
        return ids

    def decode(self, ids: list[list[int]]) -> list[str]:
        try:
            texts: list[str] = self._processor.decode(ids, num_threads=1)
        except UnicodeDecodeError as error:
            raise SeqlabError(
                f"the SentencePiece model holds pieces that are no text ({error}); run `dvc repro` to make it anew"
            ) from None
        return texts


class _Words:
    """Words are looked up here: SentencePiece would merge neighbouring unknown ones into one."""

    def __init__(self, pieces: list[str]) -> None:
        # Each piece of a word model begins with the mark of the space before it.
        words = [piece[1:] for piece in pieces[len(SPECIAL_TOKENS) :]]
        self._words = ["", UNKNOWN, "", "", *words]
        self._ids = {word: index for index, word in enumerate(words, start=len(SPECIAL_TOKENS))}

    def encode(self, texts: list[str]) -> list[list[int]]:
        get = self._ids.get
        return [[get(word, UNK) for word in split(text)] for text in texts]

    def decode(self, ids: list[list[int]]) -> list[str]:
        return [join(self._words[index] for index in row if index not in (PAD, SOS, EOS)) for row in ids]


class Tokenizer:
    """The tokenizer of one side. `decode(encode(texts)) == texts` for any Unicode text, up to what is unknown.

    An unknown word (kind `word`), or a run of unknown characters (other kinds), is one UNK and decodes to `⁇`.
    """

    def __init__(self, model: bytes, kind: str, max_length: int) -> None:
        """Take a SentencePiece model made by `trainer.train_model` for this kind.

        `max_length` is no limit here: it says how many tokens the encoded corpus has at most on this side, and so what
        a model made from it has seen.

        Raises:
            SeqlabError: it is no such model.
        """
        if kind not in KINDS:
            raise SeqlabError(f"unknown kind of tokenizer {kind!r:.80}; known are {', '.join(KINDS)}")
        try:
            processor = sentencepiece.SentencePieceProcessor.from_proto(model)
            self.vocabulary: list[str] = [processor.id_to_piece(index) for index in range(processor.vocab_size())]
        except (RuntimeError, ValueError) as error:
            raise SeqlabError(f"not a SentencePiece model: {error}") from None
        special = (processor.pad_id(), processor.unk_id(), processor.bos_id(), processor.eos_id())
        if special != (PAD, UNK, SOS, EOS):
            raise SeqlabError(f"the SentencePiece model has the special ids {special}, not {(PAD, UNK, SOS, EOS)}")
        self.kind = kind
        self.max_length = max_length
        self.vocab_size = len(self.vocabulary)
        self._units: _Units = _Words(self.vocabulary) if kind == "word" else _Subwords(processor)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Turn each text into token ids, without SOS and EOS; an empty text has none.

        Raises:
            SeqlabError: a text is not valid Unicode.
        """
        return self._units.encode([escape(text) for text in texts])

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Turn ids into texts; PAD, SOS and EOS are dropped.

        Raises:
            IndexError: an id is outside the vocabulary.
            SeqlabError: the model is not one that `trainer.train_model` made.
        """
        rows = [[int(index) for index in row] for row in ids]
        if not rows:
            return []
        return [unescape(text) for text in self._units.decode(rows)]

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Give each id a readable form: `▁` is a space, `￭` (kind `word`) is no space."""
        return [self._piece(int(index)) for index in ids]

    def _piece(self, index: int) -> str:
        if index < len(SPECIAL_TOKENS):
            return SPECIAL_TOKENS[index]
        piece = self.vocabulary[index]
        if self.kind == "word":
            piece = piece[1:].replace(EMPTY, "▁")
        return unescape(piece)


def save_tokenizers(
    folder: Path, kind: str, vocabulary: str, models: tuple[bytes, bytes], max_lengths: tuple[int, int]
) -> None:
    """Write source.model, target.model and config.json into an existing folder that is not yet in its place."""
    config: dict[str, Any] = {"kind": kind, "vocabulary": vocabulary}
    for side, model, max_length in zip(SIDES, models, max_lengths, strict=True):
        (folder / f"{side}.model").write_bytes(model)
        config[side] = {
            "vocab_size": Tokenizer(model, kind, max_length).vocab_size,
            "max_length": max_length,
            "sha256": hashlib.sha256(model).hexdigest(),
        }
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def load_tokenizers(folder: Path) -> tuple[Tokenizer, Tokenizer]:
    """Load the tokenizers of the source and the target side.

    Raises:
        SeqlabError: a file is missing, damaged, or not what config.json says.
    """
    kind, sides = _load_config(folder / CONFIG)
    source, target = (_load_side(folder / f"{side}.model", kind, sides[side]) for side in SIDES)
    return source, target


@dataclass(frozen=True)
class _SideConfig:
    vocab_size: int
    max_length: int
    sha256: str


def _load_config(path: Path) -> tuple[str, dict[str, _SideConfig]]:
    try:
        config = json.loads(path.read_bytes())
        kind = config["kind"]
        sides = {side: _SideConfig(**config[side]) for side in SIDES}
    except OSError as error:
        raise SeqlabError(f"cannot read {path}: {error.strerror}; run `dvc repro` to make the tokenizer") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SeqlabError(f"{path} does not describe a tokenizer ({error}); run `dvc repro` to make it anew") from None
    numbers = [number for side in sides.values() for number in (side.vocab_size, side.max_length)]
    if kind not in KINDS or any(type(number) is not int or number < 1 for number in numbers):
        raise SeqlabError(f"{path} describes no possible tokenizer; run `dvc repro` to make it anew")
    return kind, sides


def _load_side(path: Path, kind: str, config: _SideConfig) -> Tokenizer:
    try:
        model = path.read_bytes()
    except OSError as error:
        raise SeqlabError(f"cannot read {path}: {error.strerror}; run `dvc repro` to make the tokenizer") from None
    # The checksum comes first: SentencePiece shall not be handed a damaged model.
    if hashlib.sha256(model).hexdigest() != config.sha256:
        raise SeqlabError(f"{path} is not the model that {CONFIG} beside it names; run `dvc repro` to make it anew")
    try:
        tokenizer = Tokenizer(model, kind, config.max_length)
    except SeqlabError as error:
        raise SeqlabError(f"{path}: {error}") from None
    if tokenizer.vocab_size != config.vocab_size:
        raise SeqlabError(f"{path} has {tokenizer.vocab_size} tokens, but {CONFIG} beside it says {config.vocab_size}")
    return tokenizer
