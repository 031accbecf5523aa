"""Raw corpora, made by hand and real."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from seqlab.core import parallel
from seqlab.core.parallel import Example

WriteRaw = Callable[..., Path]


@pytest.fixture
def write_raw(tmp_path: Path) -> WriteRaw:
    """Write a folder like data/raw; splits not given have one pair."""

    def write(**splits: list[Example]) -> Path:
        for split in parallel.SPLITS:
            parallel.write(tmp_path / "raw" / f"{split}.jsonl", splits.get(split, [Example("a b", ("b a",))]))
        return tmp_path / "raw"

    return write


@pytest.fixture(scope="session")
def multi30k() -> list[Example]:
    """Give Multi30k's training pairs, German to English."""
    mirror = os.environ.get("SEQLAB_CORPUS_MIRROR")
    folder = Path(mirror) if mirror else Path(__file__).parents[3] / "shared" / "corpora"
    if not (folder / "multi30k" / "train.de.gz").is_file():
        pytest.skip(f"no Multi30k in {folder}: set SEQLAB_CORPUS_MIRROR")
    sides = []
    for language in ("de", "en"):
        with gzip.open(folder / "multi30k" / f"train.{language}.gz", "rt", encoding="utf-8", newline="\n") as file:
            sides.append([line.rstrip("\n") for line in file])
    return [Example(source, (target,)) for source, target in zip(*sides, strict=True)]
