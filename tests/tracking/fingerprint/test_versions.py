"""The pinned versions: a stage refuses others, and a file that is damaged."""

from pathlib import Path

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.tracking.fingerprint import versions
from seqlab.tracking.fingerprint.versions import check_versions

ROOT = Path(__file__).parents[3]


def test_other_versions_are_refused(tmp_path: Path) -> None:
    (tmp_path / "versions.toml").write_text('[train]\nnumpy = "0.0.1"\nnot-a-package = "1.0"\n', "utf-8")
    with pytest.raises(SeqlabError, match=r"numpy .* is installed, and .*versions\.toml pins 0\.0\.1"):
        check_versions(tmp_path, "train")
    with pytest.raises(SeqlabError, match="cannot read the versions of stage evaluate"):
        check_versions(tmp_path, "evaluate")


@pytest.mark.parametrize("stage", ["download", "tokenize", "train", "evaluate", "report"])
def test_the_installed_versions_are_the_pinned_ones(stage: str) -> None:
    check_versions(ROOT, stage)


def test_who_built_a_package_is_not_its_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "versions.toml").write_text('[train]\ntorch = "2.13.0"\n', "utf-8")
    monkeypatch.setattr(versions, "version", lambda _: "2.13.0+cpu")
    check_versions(tmp_path, "train")


@pytest.mark.parametrize("text", ["train = 5", "[train]\nnumpy = 2", "x = " + "[" * 5000])
def test_a_damaged_file_is_refused_with_the_same_words_as_by_the_fingerprint(text: str, tmp_path: Path) -> None:
    (tmp_path / "versions.toml").write_text(text, "utf-8")
    with pytest.raises(SeqlabError, match="cannot read the versions of stage train"):
        check_versions(tmp_path, "train")
