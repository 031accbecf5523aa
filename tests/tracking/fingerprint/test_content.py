import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.tracking.fingerprint.content import dvc_digest, files_below, sha256


def test_digests_are_dvcs_own(tmp_path: Path) -> None:
    # "a.b/c" and "a/c": DVC sorts paths as text, where "." comes before "/"
    for name in ("a/c", "a.b/c", "a b/ü", "z"):
        write_text(tmp_path / "folder" / name, name)
    write_text(tmp_path / "file", "text\r\n")
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    for command in (["init", "--no-scm", "--quiet"], ["add", "--quiet", "folder", "file"]):
        subprocess.run([sys.executable, "-m", "dvc", *command], cwd=tmp_path, env=environment, check=True)
    for name in ("folder", "file"):
        (out,) = YAML(typ="safe").load(tmp_path / f"{name}.dvc")["outs"]
        assert dvc_digest(tmp_path / name) == out["md5"]


def test_a_changed_file_has_another_digest(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "one")
    first = sha256(path)
    write_text(path, "two")
    assert sha256(path) != first


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SeqlabError, match=r"data/raw.*dvc repro"):
        dvc_digest(tmp_path / "data/raw")


def test_files_below(tmp_path: Path) -> None:
    for name in ("b/c", "a"):
        write_text(tmp_path / name, "")
    assert [path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path)] == ["a", "b/c"]
    assert files_below(tmp_path / "a") == [tmp_path / "a"]
    assert files_below(tmp_path / "none") == []
