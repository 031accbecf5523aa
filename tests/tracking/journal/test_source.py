import io
import os
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.tracking.journal import source
from seqlab.tracking.journal.source import left_out, read_source, source_archive
from seqlab.tracking.journal.workspace import workspace_execution
from seqlab.tracking.objects import Objects
from seqlab.tracking.publishing.assembly import assemble
from tests.tracking.archives import zipped
from tests.tracking.conftest import Project, git


def test_the_archive_holds_what_is_on_disk(project: Project) -> None:
    (project.root / "pipeline/train.py").write_text("edited")
    (project.root / "README.md").write_text("no part of a run")
    names = {"dvc.yaml", "params.yaml", "versions.toml", "src/seqlab/model/cell.py"}
    names |= {f"pipeline/{stage}.py" for stage in ("download", "tokenize", "train", "evaluate", "report")}
    found = read_source(source_archive(project.root))
    assert set(found) == names
    assert found["pipeline/train.py"] == b"edited"
    assert found["dvc.yaml"] == (project.root / "dvc.yaml").read_bytes()


def test_the_same_files_give_the_same_bytes(project: Project) -> None:
    first = source_archive(project.root)
    for file in (project.root / "pipeline").iterdir():
        os.utime(file, (1, 1))
        file.chmod(0o600)
    for name in ("pipeline/__pycache__/x.pyc", "src/seqlab.egg-info/PKG-INFO", "src/seqlab/model/.cell.py.swp"):
        (project.root / name).parent.mkdir(exist_ok=True)
        (project.root / name).write_bytes(b"generated")
    assert source_archive(project.root) == first
    (project.root / "src/seqlab/model/cell.py").write_bytes(b"another")
    assert source_archive(project.root) != first


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../up.py", "src/../../up.py", "C:/up.py", "a\\b.py", "src//x.py", "d/"]
)
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    with pytest.raises(SeqlabError, match="leads out of its folder"):
        read_source(zipped(**{name: b"x"}))


def test_an_archive_too_large_for_source_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LARGEST_BYTES", 10)
    assert read_source(zipped(a=b"12345", b=b"12345")) == {"a": b"12345", "b": b"12345"}
    with pytest.raises(SeqlabError, match="holds more than 10 bytes"):
        read_source(zipped(a=b"12345", b=b"123456"))


def test_an_archive_that_declares_a_byte_and_holds_a_gigabyte_takes_no_memory() -> None:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = bytes(1 << 20)
    content = b"".join([*(compressor.compress(piece) for _ in range(1 << 10)), compressor.flush()])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("a")
        archive.writestr(entry, content)
    bomb = bytearray(buffer.getvalue())
    start = bomb.index(b"PK\1\2")
    # The method, and the size once unpacked, in both places where a member's are.
    for place, method, size in ((0, 8, 22), (start, 10, 24)):
        bomb[place + method : place + method + 2] = (8).to_bytes(2, "little")
        bomb[place + size : place + size + 4] = (1).to_bytes(4, "little")
    tracemalloc.start()
    with pytest.raises(SeqlabError):
        read_source(bytes(bomb))
    assert tracemalloc.get_traced_memory()[1] < 1 << 25
    tracemalloc.stop()


def test_limits_of_the_archive_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MOST_FILES", 2)
    assert len(read_source(zipped(a=b"", b=b""))) == 2
    with pytest.raises(SeqlabError, match="has 3 files"):
        read_source(zipped(a=b"", b=b"", c=b""))
    monkeypatch.setattr(source, "LARGEST_ARCHIVE", 10)
    with pytest.raises(SeqlabError, match="at most 10 are read"):
        read_source(zipped(a=b""))


def test_what_git_does_not_track_is_in_no_archive(project: Project, tmp_path: Path) -> None:
    secret = tmp_path / "id_ed25519"
    secret.write_text("secret")
    (project.root / ".gitignore").write_text("*.key\n")
    git(project.root, "init", "--quiet")
    git(project.root, "add", "--all")
    before = read_source(source_archive(project.root))
    assert left_out(project.root) == []
    (project.root / "src/seqlab/server.key").write_text("secret")
    (project.root / "src/seqlab/new.py").write_text("added by nobody")
    (project.root / "pipeline/credentials").symlink_to(secret)
    (project.root / "pipeline/tracked_link").symlink_to(secret)
    git(project.root, "add", "pipeline/tracked_link")
    assert read_source(source_archive(project.root)) == before
    assert left_out(project.root) == ["pipeline/credentials", "src/seqlab/new.py"]
    # A tracked file whose folder became a link.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "cell.py").write_text("secret")
    (project.root / "src/seqlab/model").rename(tmp_path / "model")
    (project.root / "src/seqlab/model").symlink_to(elsewhere)
    assert set(before) - set(read_source(source_archive(project.root))) == {"src/seqlab/model/cell.py"}


def test_code_that_is_lost_is_said(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    git(project.root, "init", "--quiet")
    git(project.root, "add", "--all")
    project.train()
    assert "git does not track" not in capsys.readouterr().err
    (project.root / "pipeline/new.py").write_text("added by nobody")
    project.train()
    assert (
        "train: warning: git does not track pipeline/new.py: no copy is kept; `git add` it" in capsys.readouterr().err
    )


def test_without_git_links_are_left_out(project: Project, tmp_path: Path) -> None:
    before = source_archive(project.root)
    (tmp_path / "secret").write_text("secret")
    (project.root / "pipeline/link.py").symlink_to(tmp_path / "secret")
    (project.root / "pipeline/folder").symlink_to(tmp_path)
    assert source_archive(project.root) == before
    # Nor does it help that a folder above belongs to a repository.
    git(tmp_path, "init", "--quiet")
    assert source_archive(project.root) == before


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("src", "src/a.py"), "a file where it has a folder"),
        (("x" * 300,), "no file system"),
        (("/".join(["src", *["x" * 200] * 6]),), "no file system"),
        (("src/" + "a/" * 60 + "x",), "no file system"),
    ],
)
def test_what_no_folder_can_hold_is_refused(names: tuple[str, ...], why: str) -> None:
    with pytest.raises(SeqlabError, match=why):
        read_source(zipped(**dict.fromkeys(names, b"x")))


def test_a_long_name_takes_no_more_memory_than_it_has() -> None:
    archive = zipped(**{"src/" + "a/" * 30_000 + "x": b""})
    tracemalloc.start()
    try:
        with pytest.raises(SeqlabError, match="no file system"):
            read_source(archive)
        assert tracemalloc.get_traced_memory()[1] < 32 * len(archive)
    finally:
        tracemalloc.stop()


def test_two_files_of_one_name_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.py", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.py", b"2")
    with pytest.raises(SeqlabError, match="two files of one name"):
        read_source(buffer.getvalue())


def test_damage_is_an_error_for_people(project: Project) -> None:
    archive = source_archive(project.root)
    broken = bytearray(archive)
    broken[len(broken) // 3] ^= 255
    for damaged in (b"", b"no zip", archive[: len(archive) // 2], bytes(broken)):
        with pytest.raises(SeqlabError, match="is damaged"):
            read_source(damaged)


def test_other_compressions_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.py", b"1")
    with pytest.raises(SeqlabError, match="unknown compression"):
        read_source(buffer.getvalue())


def test_executions_and_the_working_copy_keep_their_source(project: Project) -> None:
    project.train()
    project.evaluate()
    objects = Objects(project.home.objects)
    headers = [execution.header for execution in project.executions()]
    headers.append(workspace_execution(project.root, objects, with_report=False).header)
    for header in headers:
        kept = objects.get(header["inputs"]["source.zip"])
        assert kept is not None
        assert kept.read_bytes() == source_archive(project.root)
    (record,) = assemble(project.executions(), objects)
    assert record.files["source.zip"] == headers[0]["inputs"]["source.zip"]
    # As executions were recorded before there was an archive.
    for execution in (executions := project.executions()):
        del execution.header["inputs"]["source.zip"]
    (record,) = assemble(executions, objects)
    assert "source.zip" not in record.files


def test_missing_folders_are_left_out(tmp_path: Path) -> None:
    assert read_source(source_archive(tmp_path)) == {}


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_damaged_within_is_refused(method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", b"some text " * 99, method)
    content = buffer.getvalue()
    start = 30 + len("a") + 9
    with pytest.raises(SeqlabError, match="is damaged"):
        read_source(content[:start] + b"\xff" * 12 + content[start + 12 :])
