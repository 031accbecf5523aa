"""Samples of the project's own files and of corpora."""

import gzip
import hashlib
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from seqlab.core import parallel
from seqlab.corpus import dialogsum, files, multi30k, scan, scitldr, tatoeba
from seqlab.corpus.corpus import Corpus
from seqlab.corpus.fetching.pin import Pin
from seqlab.params.params import load_params
from seqlab.tracking.fingerprint.pipeline import load_stage, locked_digests
from seqlab.tracking.fingerprint.versions import load_versions
from tests.corpus.samples import corpus_params, text_of, zipped
from tests.fuzz.loader import Loader
from tests.fuzz.mutations import (
    Mutation,
    bytes_mutated,
    gzip_mutated,
    json_lines_mutated,
    yaml_mutated,
    zip_mutated,
)

ROOT = Path(__file__).parents[2]
PAIRS = [(f"a little cat {n} sleeps.", f"un petit chat {n} dort !") for n in range(12)]


def text_loaders() -> dict[str, Callable[[], Loader]]:
    """By name."""
    return {
        "params.yaml": _params,
        "dvc.yaml": _stages,
        "dvc.lock": lambda: _yaml_file("dvc.lock", locked_digests),
        "versions.toml": _versions,
        "own .tsv": lambda: _own("train.tsv", text_of(*("\t".join(pair) for pair in PAIRS)), bytes_mutated),
        "own .csv": lambda: _own("train.csv", text_of(*(f'"{one}",{other}' for one, other in PAIRS)), bytes_mutated),
        "own .tsv.gz": lambda: _own(
            "train.tsv.gz",
            gzip.compress(text_of(*("\t".join(pair) for pair in PAIRS)), mtime=0),
            gzip_mutated(bytes_mutated),
        ),
        "own .jsonl": lambda: _own("train.jsonl", _records(), json_lines_mutated),
        "own aligned": _own_aligned,
        "data/raw": _raw,
        "multi30k (gzip)": _multi30k,
        "tatoeba (zip)": _tatoeba,
        "dialogsum (zip, JSON Lines)": _dialogsum,
        "scitldr (JSON Lines)": _scitldr,
        "scan (lines)": _scan,
    }


def _params() -> Loader:
    def load(root: Path) -> None:
        load_params(root / "params.yaml").model_dump_json()

    return Loader({"params.yaml": (ROOT / "params.yaml").read_bytes()}, {"params.yaml": yaml_mutated}, load)


def _stages() -> Loader:
    # Its paths name parameters.
    sample = {name: (ROOT / name).read_bytes() for name in ("dvc.yaml", "params.yaml")}
    return Loader(sample, dict.fromkeys(sample, yaml_mutated), lambda root: load_stage(root, "train"))


def _yaml_file(name: str, load: Callable[[Path], object]) -> Loader:
    return Loader({name: (ROOT / name).read_bytes()}, {name: yaml_mutated}, load)


def _versions() -> Loader:
    def load(root: Path) -> None:
        versions = load_versions(root, "train")
        assert all(isinstance(text, str) for item in versions.items() for text in item)

    name = "versions.toml"
    return Loader({name: (ROOT / name).read_bytes()}, {name: bytes_mutated}, load)


def _own(name: str, content: bytes, mutation: Mutation) -> Loader:
    sample = {name: content, "valid.tsv": b"one\tun\ntwo\tdeux\n"}
    return Loader(sample, {name: mutation}, lambda root: _load_own(root, [name]))


def _own_aligned() -> Loader:
    sample = {"train.en": text_of(*(one for one, _ in PAIRS)), "train.fr": text_of(*(other for _, other in PAIRS))}
    sample |= {"valid.tsv": b"one\tun\ntwo\tdeux\n"}
    mutations = dict.fromkeys(("train.en", "train.fr"), bytes_mutated)
    return Loader(sample, mutations, lambda root: _load_own(root, ["train.en", "train.fr"]))


def _load_own(root: Path, train: list[str]) -> None:
    _read(files.load(corpus_params("files", "en", "fr", train=train, valid=["valid.tsv"]), root))


def _read(corpus: Corpus) -> None:
    """Read a corpus to its last line, in the order in which the stage does."""
    for split in ("valid", "test", "train"):
        for example in corpus.splits[split]:
            assert all(isinstance(text, str) for text in (example.source, *example.references))


def _records() -> bytes:
    return b"".join(json.dumps({"source": one, "references": [other]}).encode() + b"\n" for one, other in PAIRS)


def _raw() -> Loader:
    return Loader(
        {"train.jsonl": _records()},
        {"train.jsonl": json_lines_mutated},
        lambda root: list(parallel.read(root / "train.jsonl")),
    )


def _pinned(root: Path, path: str) -> Pin:
    """A pin that fits whatever lies in the cache, so that the download has nothing to refuse."""
    content = (root / path).read_bytes()
    return Pin(path, "http://127.0.0.1:9/", hashlib.sha256(content).hexdigest(), len(content))


def _multi30k() -> Loader:
    names = [f"{stem}.{side}" for stem in ("train", "val", "test_2016_flickr") for side in ("en", "fr")]
    sides = {"en": 0, "fr": 1}
    sample = {name: gzip.compress(text_of(*(pair[sides[name[-2:]]] for pair in PAIRS)), mtime=0) for name in names}

    def load(root: Path) -> None:
        with patch.object(multi30k, "PINS", {name: _pinned(root, name) for name in names}):
            _read(multi30k.load(corpus_params("multi30k", "en", "fr"), root))

    return Loader(sample, dict.fromkeys(sample, gzip_mutated(bytes_mutated)), load)


def _tatoeba() -> Loader:
    members = {tatoeba.MEMBER: text_of(*("\t".join(pair) for pair in PAIRS)), "readme": b"text"}

    def load(root: Path) -> None:
        with patch.object(tatoeba, "PIN", _pinned(root, "a.zip")):
            _read(tatoeba.load(corpus_params("tatoeba", "fr", "en"), root))

    return Loader({"a.zip": zipped(members)}, {"a.zip": zip_mutated(bytes_mutated)}, load)


def _dialogsum() -> Loader:
    rows = [
        {"dialogue": f"#Person1#: Hi {n}.\n#Person2#: It's\t{n}!", "summary": f"They met {n}.", "topic": f"meeting {n}"}
        for n in range(6)
    ]
    literals = "".join(f"{row!r}\n" for row in rows[:4]).encode()
    sample = {"train": zipped({dialogsum.TRAIN_MEMBER: literals})}
    sample |= {name: json.dumps(row).encode() + b"\n" for name, row in zip(("valid", "test"), rows[4:], strict=True)}

    def load(root: Path) -> None:
        pins: dict[str, Any] = {name.upper(): _pinned(root, name) for name in ("train", "valid", "test")}
        with patch.multiple(dialogsum, **pins), warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            _read(dialogsum.load(corpus_params("dialogsum", "turn", "reply"), root))
            _read(dialogsum.load(corpus_params("dialogsum", "dialogue", "summary"), root))

    mutations = {"train": zip_mutated(bytes_mutated), "valid": json_lines_mutated, "test": json_lines_mutated}
    return Loader(sample, mutations, load)


def _scitldr() -> Loader:
    def paper(name: str) -> bytes:
        record = {"source": [f"We study {name}.", "It\x18 works."], "title": f"On {name}", "target": ["It is."]}
        return json.dumps(record).encode() + b"\n"

    sample = {split: paper(f"{split} cats") + paper(f"{split} dogs") for split in parallel.SPLITS}

    def load(root: Path) -> None:
        with patch.object(scitldr, "PINS", {split: _pinned(root, split) for split in sample}):
            _read(scitldr.load(corpus_params("scitldr", "abstract", "summary"), root))

    return Loader(sample, dict.fromkeys(sample, json_lines_mutated), load)


def _scan() -> Loader:
    sample = {
        "train": text_of(*(f"IN: skip {'and skip ' * count}OUT: I_SKIP{' I_SKIP' * count}" for count in range(4))),
        "test": text_of("IN: hop OUT: I_HOP"),
    }

    def load(root: Path) -> None:
        with patch.object(scan, "PINS", {"simple": tuple(_pinned(root, name) for name in sample)}):
            _read(scan.load(corpus_params("scan", "command", "actions", valid_size=1), root))

    return Loader(sample, dict.fromkeys(sample, bytes_mutated), load)
