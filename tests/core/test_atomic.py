import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqlab.core import atomic
from seqlab.core.atomic import atomic_directory, atomic_file, write_bytes, write_json, write_text


class FailureError(Exception):
    """Raised by the tests."""


def names_in(folder: Path) -> list[str]:
    """Names in a folder, hidden ones included."""
    return [path.name for path in folder.iterdir()]


@pytest.fixture(autouse=True, params=[0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_a_file_appears_when_it_is_complete(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "new" / "a.txt"
    with atomic_file(path) as file:
        file.write("é\n")
        assert not path.exists()
    assert path.read_bytes() == b"\xc3\xa9\n"
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    assert names_in(path.parent) == ["a.txt"]


def _fail_in_file(path: Path, error: type[BaseException]) -> None:
    with atomic_file(path) as file:
        file.write("after")
        raise error


def _fail_in_folder(path: Path, error: type[BaseException]) -> None:
    with atomic_directory(path) as folder:
        write_text(folder / "new", "after")
        raise error


@pytest.mark.parametrize("error", [FailureError, KeyboardInterrupt])
def test_an_error_leaves_the_file_that_was_there(error: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "before")
    with pytest.raises(error):
        _fail_in_file(path, error)
    assert path.read_text(encoding="utf-8") == "before"
    assert names_in(tmp_path) == ["a.txt"]


def test_a_folder_appears_when_it_is_complete(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "new" / "folder"
    with atomic_directory(path) as folder:
        write_bytes(folder / "inner" / "a.bin", b"\0\n\r")
        assert not path.exists()
    assert (path / "inner" / "a.bin").read_bytes() == b"\0\n\r"
    assert path.stat().st_mode & 0o777 == 0o777 & ~umask
    assert names_in(path.parent) == ["folder"]


@pytest.mark.parametrize("error", [FailureError, KeyboardInterrupt])
def test_an_error_leaves_the_folder_that_was_there(error: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "folder"
    with atomic_directory(path) as folder:
        write_text(folder / "old", "before")
    with pytest.raises(error):
        _fail_in_folder(path, error)
    assert names_in(tmp_path) == ["folder"]
    assert names_in(path) == ["old"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    for name in ("old", "new"):
        with atomic_directory(path) as folder:
            write_text(folder / name, name)
    assert names_in(path) == ["new"]


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_a_killed_process_leaves_nothing_under_the_name(kind: str, tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom seqlab.core import atomic\n"
        f"with atomic.atomic_{kind}(Path(sys.argv[1])) as opened:\n"
        "    if hasattr(opened, 'write'):\n        opened.write('half'); opened.flush()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(atomic.__file__).parents[2])}
    process = subprocess.run([sys.executable, "-c", program, str(tmp_path / "result")], env=environment, check=False)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "result").exists()


def test_json_is_readable_and_in_order(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": ["é", 0.1]})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == ('{\n  "b": 1,\n  "a": [\n    "é",\n    0.1\n  ]\n}\n')
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"b": 1, "a": ["é", 0.1]}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_has_no_nan(value: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"a": value})
    assert list(tmp_path.iterdir()) == []
