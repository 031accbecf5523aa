"""Whatever link DVC puts in a file's place, every stage reads and replaces it."""

import pytest

from tests.pipeline.conftest import Project

STAGES = ["download", "tokenize", "train", "evaluate", "report"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["symlink", "hardlink"])
def test_links_to_the_cache_instead_of_copies(kind: str, project: Project) -> None:
    project.dvc("config", "cache.type", kind)
    own = project.root / "data/own"
    pairs = [f"{word} {other}\t{other} {word}\n" for word in "abcdefgh" for other in "ijklmnop"]
    (own / "deep").mkdir()
    (own / "train.tsv").write_text("".join(pairs), "utf-8")
    (own / "deep/test.tsv").write_text("".join(pairs[:5]), "utf-8")
    project.dvc("add", "data/own/train.tsv", "data/own/deep")
    inputs = [own / "train.tsv", own / "deep/test.tsv"]
    assert all(path.is_symlink() if kind == "symlink" else path.stat().st_nlink > 1 for path in inputs)
    files = {"corpus.files.train": ["train.tsv"], "corpus.files.test": ["deep/test.tsv"], "corpus.files.valid_size": 5}
    project.set({"corpus.name": "files"} | files)
    assert project.repro() == STAGES
    model = project.root / "models/best/model.safetensors"
    assert model.is_symlink() if kind == "symlink" else model.stat().st_nlink > 1
    project.run("git", "add", "--all")
    project.run("git", "commit", "--quiet", "--message=Own text")
    assert project.run("seqlab", "translate", "a i").stdout
    assert "BLEU" in project.run("seqlab", "summary").stdout
    # Each output is written over links of the same name, which must not write into the cache.
    project.set({"seed": 2, "tokenizer.kind": "char"})
    assert project.repro() == STAGES[1:]
    project.run("git", "restore", "params.yaml")
    assert project.repro() == []
    assert project.run("git", "status", "--porcelain").stdout == ""
