"""The tokenize stage: raw parallel text to tokenizers, encoded splits and corpus statistics."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from seqlab.core import parallel
from seqlab.core.atomic import atomic_directory, write_json
from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import SPLITS, Example
from seqlab.params.schema import TokenizerParams
from seqlab.system.terminal import say
from seqlab.text.sequences import write_sequences
from seqlab.text.spacing import is_unspaced
from seqlab.text.tokenizer import Tokenizer, load_tokenizers, save_tokenizers
from seqlab.tokenizing.statistics import SplitStatistics
from seqlab.tokenizing.taking import taken_models
from seqlab.tokenizing.vocabulary import train_model

# A vocabulary is learnt from at most about this many bytes of the raw file, evenly spread: more changes little, and
# SentencePiece keeps all of it in memory (Unigram about 20 times as much).
_TRAINING_BYTES = 64 << 20
_CHUNK = 2048


def build(
    params: TokenizerParams, raw: Path, destination: Path, statistics: Path, *, origin: Path | None = None
) -> None:
    """Train the tokenizers on the training split, or take those of checkpoint folder `origin`, and encode all splits.

    Writes `destination`/{tokenizer,train,valid,test} and the JSON file `statistics`; on an error, none of them. The
    training split has a pair for each (source, reference), without those whose target has more than
    `max_target_length` tokens; the others have a pair for each example, with its first reference, in the raw order.
    Sources are cut at `max_source_length` tokens. An empty text is kept, as no token at all, and counted. Text
    without spaces, where `kind` is word, is warned of on standard error.

    Raises:
        SeqlabError: a raw file is missing or damaged, an example has no reference, a split has no pair, or the
            tokenizer cannot be trained, or taken.
    """
    if params.kind == "word":
        _warn_of_text_without_spaces(raw / "train.jsonl")
    with ExitStack() as stack:
        folder = stack.enter_context(atomic_directory(destination / "tokenizer"))
        models = _trained_models(params, raw / "train.jsonl") if origin is None else taken_models(params, origin)
        save_tokenizers(
            folder, params.kind, params.vocabulary, models, (params.max_source_length, params.max_target_length)
        )
        source, target = load_tokenizers(folder)
        summary: dict[str, Any] = {}
        for split in SPLITS:
            folder = stack.enter_context(atomic_directory(destination / split))
            encoder = SplitEncoder(params, source, target, training=split == "train")
            summary[split] = encoder.encode(raw / f"{split}.jsonl", folder)
        summary["vocabulary"] = {"source": source.vocab_size, "target": target.vocab_size}
        write_json(statistics, summary)


def _warn_of_text_without_spaces(path: Path) -> None:
    examples = list(islice(parallel.read(path), _CHUNK))
    sides = {"source": [example.source for example in examples]}
    sides["target"] = [text for example in examples for text in example.references]
    for side, texts in sides.items():
        if is_unspaced(texts):
            say(
                f"tokenize: warning: the {side} has no spaces between words, and tokenizer.kind is word: a sentence "
                "becomes a token or two, most of them unknown; set tokenizer.kind to char, bpe or unigram",
                err=True,
            )


def _trained_models(params: TokenizerParams, path: Path) -> tuple[bytes, bytes]:
    def train(texts: Iterable[str], side: str) -> bytes:
        return train_model(texts, params.kind, params.vocab_size, f"{path}, {side}")

    if params.vocabulary == "joint":
        model = train(
            (text for example in _sample(path) for text in (example.source, *example.references)), "both sides"
        )
        return model, model
    return (
        train((example.source for example in _sample(path)), "source"),
        train((text for example in _sample(path) for text in example.references), "target"),
    )


def _sample(path: Path) -> Iterator[Example]:
    stride = 1 + path.stat().st_size // _TRAINING_BYTES if path.is_file() else 1
    return islice(parallel.read(path), 0, None, stride)


class SplitEncoder:
    """Encodes one split, a chunk at a time."""

    def __init__(self, params: TokenizerParams, source: Tokenizer, target: Tokenizer, *, training: bool) -> None:
        self._params = params
        self._source = source
        self._target = target
        self._training = training
        self._statistics = SplitStatistics()

    def encode(self, path: Path, folder: Path) -> dict[str, Any]:
        """Encode the raw file `path` into `folder`; return the statistics."""
        # disable=None: no progress bar where nobody looks.
        examples = iter(tqdm(parallel.read(path), desc=f"encode {path.stem}", unit=" examples", disable=None))
        with (
            write_sequences(folder, "source", self._source.vocab_size) as source_writer,
            write_sequences(folder, "target", self._target.vocab_size) as target_writer,
        ):
            while chunk := list(islice(examples, _CHUNK)):
                self._count_examples(chunk, path)
                sources, targets = self._pairs(chunk)
                source_writer.append(sources)
                target_writer.append(targets)
                self._statistics.source.add(sources)
                self._statistics.target.add(targets)
        self._require_pairs(path)
        return self._statistics.summary()

    def _count_examples(self, chunk: list[Example], path: Path) -> None:
        for number, example in enumerate(chunk, start=self._statistics.examples + 1):
            if not example.references:
                raise SeqlabError(f"{path}, line {number}: the example has no reference")
        self._statistics.examples += len(chunk)

    def _pairs(self, chunk: list[Example]) -> tuple[list[list[int]], list[list[int]]]:
        references = [example.references if self._training else example.references[:1] for example in chunk]
        source_ids = self._source.encode([example.source for example in chunk])
        target_ids = iter(self._target.encode([text for texts in references for text in texts]))
        sources, targets = [], []
        for source, texts in zip(source_ids, references, strict=True):
            kept = [target for target in islice(target_ids, len(texts)) if self._keeps(target)]
            sources += [source[: self._params.max_source_length]] * len(kept)
            targets += kept
            self._statistics.dropped_pairs += len(texts) - len(kept)
            self._statistics.truncated_sources += len(kept) * (len(source) > self._params.max_source_length)
        return sources, targets

    def _keeps(self, target: list[int]) -> bool:
        return not self._training or len(target) <= self._params.max_target_length

    def _require_pairs(self, path: Path) -> None:
        if self._statistics.target.texts:
            return
        if not self._statistics.examples:
            raise SeqlabError(f"{path} has no example; give the split some text")
        raise SeqlabError(
            f"{path}: every target has more than {self._params.max_target_length} tokens, so no training pair is left; "
            f"raise tokenizer.max_target_length"
        )
