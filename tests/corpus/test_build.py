import hashlib
import json
from pathlib import Path

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.corpus.build import build
from tests.corpus.samples import corpus_params, manifest_of, splits_of, text_of

NAMES = {"train.jsonl", "valid.jsonl", "test.jsonl", "manifest.json"}
PARAMS = corpus_params("files", "x", "y", train=["train.tsv"], seed=3)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "train.tsv").write_bytes(text_of(*(f"s{number}\tt{number}\tu{number}" for number in range(9))))
    return folder


def test_what_is_written(own: Path, tmp_path: Path) -> None:
    build(PARAMS, tmp_path / "data" / "raw", tmp_path / "cache", own)
    folder = tmp_path / "data" / "raw"
    assert {path.name for path in folder.iterdir()} == NAMES
    manifest = manifest_of(folder)
    assert list(manifest) == [
        "corpus", "source", "target", "task", "licence", "citation", "origin", "notes", "splits",
    ]  # fmt: skip
    assert (manifest["corpus"], manifest["source"], manifest["target"]) == ("files", "x", "y")
    source = (own / "train.tsv").read_bytes()
    assert manifest["origin"] == [
        {"url": "data/own/train.tsv", "sha256": hashlib.sha256(source).hexdigest(), "bytes": len(source)}
    ]
    assert list(manifest["splits"]) == ["train", "valid", "test"]
    for split, count in (("train", 5), ("valid", 2), ("test", 2)):
        digest = hashlib.sha256((folder / f"{split}.jsonl").read_bytes()).hexdigest()
        also = {} if split == "train" else {"also_in_train": 0}
        assert manifest["splits"][split] == {"examples": count, "references": 2 * count, "sha256": digest} | also


def test_the_same_bytes_each_time(own: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        build(PARAMS, tmp_path / name, tmp_path / f"cache of {name}", own)
    for name in NAMES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_a_folder_is_replaced_as_a_whole(own: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "old").write_text("old", encoding="utf-8")
    build(PARAMS, raw, tmp_path / "cache", own)
    assert {path.name for path in raw.iterdir()} == NAMES


def test_an_error_leaves_what_was_there(own: Path, tmp_path: Path) -> None:
    build(PARAMS, tmp_path / "raw", tmp_path / "cache", own)
    before = splits_of(tmp_path / "raw")
    with open(own / "train.tsv", "ab") as file:
        file.write(b"s\xff\tt\n")
    with pytest.raises(SeqlabError, match="line 10"):
        build(PARAMS, tmp_path / "raw", tmp_path / "cache", own)
    assert splits_of(tmp_path / "raw") == before
    assert {path.name for path in tmp_path.iterdir()} == {"own", "raw"}


@pytest.mark.parametrize(("source", "target"), [("en", "fr"), ("fr", "en")])
def test_the_grammar(source: str, target: str, tmp_path: Path) -> None:
    build(corpus_params("grammar", source, target), tmp_path / "raw", tmp_path / "cache", tmp_path / "own")
    splits = splits_of(tmp_path / "raw")
    assert {split: len(examples) for split, examples in splits.items()} == {"train": 20, "valid": 5, "test": 5}
    manifest = manifest_of(tmp_path / "raw")
    assert (manifest["task"], manifest["origin"]) == ("translation", [])
    assert str(tmp_path) not in json.dumps(manifest)
    assert {path.name for path in tmp_path.iterdir()} == {"raw"}
