"""Parameters, pins and small made-up corpora for the tests."""

import gzip
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from seqlab.core.parallel import SPLITS, Example, read
from seqlab.corpus.fetching.pin import Pin
from seqlab.params.corpus import CorpusParams

DEFAULTS: dict[str, Any] = {
    "grammar": {"seed": 1, "train_size": 20, "valid_size": 5, "test_size": 5, "max_depth": 1, "test_extra_depth": 0},
    "multi30k": {"test": "2016"},
    "tatoeba": {"seed": 1, "valid_size": 2, "test_size": 2},
    "scan": {"split": "simple", "seed": 1, "valid_size": 2},
    "files": {"train": [], "valid": [], "test": [], "seed": 1, "valid_size": 2, "test_size": 2},
}


def corpus_params(name: str, source: str, target: str, **options: Any) -> CorpusParams:
    """Parameters of a corpus; `options` change those of its own section."""
    sections = {section: dict(values) for section, values in DEFAULTS.items()}
    if options:
        sections[name] |= options
    return CorpusParams.model_validate({"name": name, "source": source, "target": target, **sections})


def pin_of(
    path: str, content: bytes, url: str = "http://127.0.0.1:9/nowhere", *, gzipped_in_mirror: bool = False
) -> Pin:
    """The pin of `content`."""
    return Pin(path, url, hashlib.sha256(content).hexdigest(), len(content), gzipped_in_mirror)


def publish(mirror: Path, path: str, content: bytes, *, gzipped_in_mirror: bool = False) -> Pin:
    """Put a file into a mirror, and pin it."""
    pin = pin_of(path, content, gzipped_in_mirror=gzipped_in_mirror)
    file = mirror / pin.mirror_path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(content) if gzipped_in_mirror else content)
    return pin


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def text_of(*lines: str) -> bytes:
    """Lines as the bytes of a file."""
    return "".join(f"{line}\n" for line in lines).encode()


def splits_of(folder: Path) -> dict[str, list[Example]]:
    """What a build wrote."""
    return {split: list(read(folder / f"{split}.jsonl")) for split in SPLITS}


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest that a build wrote."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def note(manifest: dict[str, Any], beginning: str) -> int:
    """The count in the note that begins so; 0 without such a note."""
    return next((int(text.rsplit(": ", 1)[1]) for text in manifest["notes"] if text.startswith(beginning)), 0)
