"""A clone has the bytes that were committed, also where git converts line ends: DVC's digests are of bytes."""

import subprocess
from pathlib import Path

from tests.pipeline.conftest import make_project

OWN = b"one\r\ntwo\r\n"


def test_no_byte_changes_where_git_converts_line_ends(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", tmp_path / "home")
    (project.root / "data/own/talks.en").write_bytes(OWN)
    converting = ("git", "-c", "core.autocrlf=true", "-c", "core.eol=crlf", "-c", "core.safecrlf=false")
    project.run(*converting, "add", "--all")
    project.run("git", "-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "--quiet", "--message=Own")
    project.run(*converting, "clone", "--quiet", str(project.root), str(tmp_path / "clone"))
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=project.root, capture_output=True, check=True).stdout
    names = [name for name in listing.decode().split("\0") if name]
    assert len(names) > 100
    for name in names:
        assert (tmp_path / "clone" / name).read_bytes() == (project.root / name).read_bytes(), name
    assert (tmp_path / "clone/data/own/talks.en").read_bytes() == OWN
