"""How fast text is encoded, and what a large corpus costs training: `python -m benchmarks.data`.

Encoding is what stage tokenize does with a split: parse JSON Lines, encode both sides, write the arrays, count. The
reference parses the same file and calls the library for one sentence at a time. Training is that of stage train, on
generated splits of growing size, in a process each: until its first optimizer step, and over some hundred.
"""

import json
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import click
import numpy as np
import sentencepiece
from numpy.typing import NDArray
from tokenizers.pre_tokenizers import Whitespace

from benchmarks.measure import ROOT, in_child, interleaved, say, table
from benchmarks.multi30k import download_multi30k
from seqlab.core import parallel
from seqlab.core.special_tokens import SPECIAL_TOKENS, UNK
from seqlab.corpus.build import build as download
from seqlab.params.params import Params, load_params
from seqlab.text.sequences import write_sequences
from seqlab.text.tokenizer import KINDS, Tokenizer, save_tokenizers
from seqlab.tokenizing.build import SplitEncoder
from seqlab.tokenizing.vocabulary import train_model

VOCABULARY = 6000
# Characters are tokens too: nothing is cut.
LONGEST = 1000
# As Multi30k has them, in tokens, without EOS: log-normal.
MEDIAN, SIGMA = 12.5, 0.35
CHUNK = 1 << 18

Encode = Callable[[str], list[int]]


@click.command()
@click.option("--pairs", default=116_000, show_default=True, help="To encode, about.")
@click.option("--repetitions", default=5, show_default=True, help="Of encoding, after one to warm up.")
@click.option("--size", "sizes", multiple=True, default=(100_000, 1_000_000, 10_000_000), help="Pairs to train on.")
@click.option("--steps", default=300, show_default=True, help="Of training.")
def main(pairs: int, repetitions: int, sizes: tuple[int, ...], steps: int) -> None:
    """Print a table of encoding speeds, and one of memory and time to the first step by corpus size."""
    with tempfile.TemporaryDirectory(prefix="seqlab-benchmark-") as folder:
        say(table(encoding(Path(folder), pairs, repetitions)))
        say("")
        say(table(training(Path(folder), sizes, steps)))


def encoding(folder: Path, pairs: int, repetitions: int) -> Iterator[dict[str, str]]:
    """A row for each kind of tokenizer."""
    params = load_params(ROOT / "params.yaml")
    path = write_text(params, folder, pairs)
    examples = list(parallel.read(path))
    texts = [text for example in examples for text in (example.source, *example.references)]
    for kind in KINDS:
        model = train_model(texts[:100_000], kind, VOCABULARY, str(path))
        times = interleaved(
            {
                "ours": partial(encode_split, params, kind, model, path, folder),
                "plain": partial(encode_plainly, one_at_a_time(kind, model), path, folder),
            },
            repetitions,
        )
        minutes = 1e-6 * 60 * len(texts)
        yield {
            "tokenizer": kind,
            "ours, million sentences a minute": times["ours"].per_second(minutes).show(),
            "one sentence at a time": times["plain"].per_second(minutes).show(),
            "ratio": times["ours"].faster_than(times["plain"]).show(),
        }


def write_text(params: Params, folder: Path, pairs: int) -> Path:
    """Multi30k, German to English, over and over, if SEQLAB_CORPUS_MIRROR says where it is; else the grammar's."""
    raw = download_multi30k(folder)
    if raw is None:
        grammar = params.corpus.grammar.model_copy(update={"train_size": pairs})
        corpus = params.corpus.model_copy(update={"name": "grammar", "grammar": grammar})
        raw = folder / "raw"
        download(corpus, raw, cache=folder / "downloads", own=folder / "own")
    path = raw / "train.jsonl"
    once = path.read_bytes()
    path.write_bytes(once * max(1, round(pairs / once.count(b"\n"))))
    return path


def encode_split(params: Params, kind: str, model: bytes, path: Path, folder: Path) -> None:
    """Encode as stage tokenize does."""
    changes = {"kind": kind, "max_source_length": LONGEST, "max_target_length": LONGEST}
    tokenizer = Tokenizer(model, kind, LONGEST)
    SplitEncoder(params.tokenizer.model_copy(update=changes), tokenizer, tokenizer, training=True).encode(path, folder)


def encode_plainly(encode: Encode, path: Path, folder: Path) -> None:
    """Encode a sentence at a time, and save the tokens of each side."""
    sides: tuple[list[int], list[int]] = ([], [])
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            record = json.loads(line)
            sides[0].extend(encode(record["source"]))
            sides[1].extend(encode(record["references"][0]))
    for name, ids in zip(("source", "target"), sides, strict=True):
        np.save(folder / f"{name}.npy", np.array(ids, dtype=np.uint16))


def one_at_a_time(kind: str, model: bytes) -> Encode:
    """The library's own call for one sentence; of words, HF tokenizers' usual split and a dictionary."""
    processor = sentencepiece.SentencePieceProcessor.from_proto(model)
    if kind != "word":
        encode: Encode = processor.encode
        return encode
    ids = {processor.id_to_piece(index)[1:]: index for index in range(processor.vocab_size())}
    whitespace = Whitespace()
    return lambda text: [ids.get(word, UNK) for word, _ in whitespace.pre_tokenize_str(text)]


def training(folder: Path, sizes: tuple[int, ...], steps: int) -> Iterator[dict[str, str]]:
    """A row for each size of the training split, the smallest first."""
    write_tokenizer(folder / "tokenizer")
    smallest: float | None = None
    for pairs in sorted(sizes):
        write_split(folder / "train", pairs)
        size = sum(path.stat().st_size for path in (folder / "train").iterdir()) / 1e6
        found = in_child("benchmarks.data_child", {"tokenized": str(folder), "steps": steps})
        resident = found["anonymous"] + found["file"]
        smallest = resident if smallest is None else smallest
        yield {
            "pairs": f"{pairs:,}",
            "on disk, MB": f"{size:.0f}",
            "start to first step, s": f"{found['first_step']:.1f}",
            "of which opening the data": f"{found['open']:.2f}",
            "making the first batch": f"{found['first_batch']:.2f}",
            "each later batch, ms": f"{1000 * found['batch']:.2f}",
            "resident anonymous, MB": f"{found['anonymous']:.0f}",
            "resident of files, MB": f"{found['file']:.0f}",
            "above the smallest corpus, MB": f"{resident - smallest:+.0f}",
        }


def write_tokenizer(folder: Path) -> None:
    """A tokenizer of VOCABULARY made-up words."""
    folder.mkdir()
    model = train_model((f"w{number}" for number in range(VOCABULARY)), "word", VOCABULARY, "made-up words")
    save_tokenizers(folder, "word", "joint", (model, model), (LONGEST, LONGEST))


def write_split(folder: Path, pairs: int) -> None:
    """Random pairs as stage tokenize writes them, of Multi30k's lengths, and tokens by Zipf's law."""
    folder.mkdir(exist_ok=True)
    generator = np.random.default_rng(1)
    for side in ("source", "target"):
        with write_sequences(folder, side, VOCABULARY) as writer:
            for start in range(0, pairs, CHUNK):
                size = min(CHUNK, pairs - start)
                lengths = np.exp(generator.normal(np.log(MEDIAN), SIGMA, size)).round().clip(1, LONGEST)
                writer.append_flat(zipf(generator, int(lengths.sum())), lengths.astype(np.int64))


def zipf(generator: np.random.Generator, tokens: int) -> NDArray[np.int32]:
    """Token ids (tokens,), each as frequent as its rank is low."""
    words = VOCABULARY - len(SPECIAL_TOKENS)
    ids: NDArray[np.int32] = np.exp(generator.random(tokens) * np.log(words)).astype(np.int32)
    ids += len(SPECIAL_TOKENS) - 1
    return ids


if __name__ == "__main__":
    main()
