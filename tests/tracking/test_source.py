import io
import os
import zipfile
from pathlib import Path

import pytest

from seqlab.errors import SeqlabError
from seqlab.tracking import source
from seqlab.tracking.assembly import assemble
from seqlab.tracking.objects import Objects
from seqlab.tracking.source import read_source, source_archive
from seqlab.tracking.workspace import workspace_execution
from tests.tracking.conftest import Project


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


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
    with pytest.raises(SeqlabError, match="holds 11 bytes"):
        read_source(zipped(a=b"12345", b=b"123456"))


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
