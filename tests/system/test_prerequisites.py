"""The right answer in the first second: what is checked before anything is installed, on any Python."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqlab.system import prerequisites

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "src/seqlab/system/prerequisites.py"
HERE = f"python{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A working copy with all that `make check` reads, in which nothing is installed."""
    folder = tmp_path / "a clone"
    (folder / "src/seqlab/system").mkdir(parents=True)
    shutil.copyfile(ROOT / "Makefile", folder / "Makefile")
    shutil.copyfile(PROGRAM, folder / "src/seqlab/system/prerequisites.py")
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    return folder


def environment(folder: Path) -> Path:
    """An environment in `folder`, and installed, as far as the check looks; without pip's own files, for speed."""
    venv = folder / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (venv / "bin/pip").write_text(f"#!{venv}/bin/python\n", "utf-8")
    (venv / ".installed").touch()
    return venv


def check(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`make check`, without the environment that the tests run in."""
    return make(folder, "check", *arguments, **variables)


def install(folder: Path) -> subprocess.CompletedProcess[str]:
    """`make install`, as far as it goes without the lists of packages: the environment that was stale is gone."""
    return make(folder, "install", f"PYTHON={sys.executable}")


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(each for each in os.environ["PATH"].split(os.pathsep) if not each.startswith(str(ROOT)))
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), "PIP_FIND_LINKS": "/nowhere"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_versions_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    oldest, newest = prerequisites.OLDEST, prerequisites.NEWEST
    assert project["requires-python"] == f">={oldest[0]}.{oldest[1]},<{newest[0]}.{newest[1] + 1}"


def test_it_is_written_for_old_pythons_and_without_packages() -> None:
    tree = ast.parse(PROGRAM.read_text("utf-8"), feature_version=(3, 6))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imported if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in imported if isinstance(node, ast.ImportFrom)}
    assert names <= sys.stdlib_module_names
    # Of 3.7 and later.
    assert not names & {"dataclasses", "tomllib", "__future__", "importlib.metadata"}


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8", "3.9", "3.10"])
def test_an_old_python_says_what_to_do(clone: Path, version: str) -> None:
    homes = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [*sorted(homes.glob(f"{version}.*/bin/python3")), *filter(None, [shutil.which(f"python{version}")])]
    python = next((each for each in map(str, found) if prerequisites._version_of(each)), None)
    if python is None:
        pytest.skip(f"no Python {version} here")
    result = check(clone, f"PYTHON={python}")
    assert result.returncode == 2
    lines = [line for line in result.stderr.splitlines() if line.startswith("seqlab: ")]
    assert len(lines) == 1
    assert re.match(
        rf"seqlab: this Python is CPython {version}\.\d+, and seqlab needs CPython 3\.11 to 3\.14: ", lines[0]
    )
    assert "Traceback" not in result.stderr


def test_all_is_well_in_a_clone(clone: Path) -> None:
    result = check(clone, f"PYTHON={sys.executable}")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (
            "python9.9",
            "python9.9 is not installed: install it, or name another Python, as in make run PYTHON=python3.13",
        ),
        ("perl", "perl is no Python, or does not start: name one, as in make run PYTHON=python3.13"),
        ("sh", "sh is no Python, or does not start: name one, as in make run PYTHON=python3.13"),
        ("true", "true is no Python, or does not start: name one, as in make run PYTHON=python3.13"),
    ],
)  # fmt: skip
def test_no_python(clone: Path, named: str, message: str) -> None:
    result = check(clone, f"PYTHON={named}")
    assert result.returncode == 2
    first, *others = result.stderr.splitlines()
    assert first == f"seqlab: {message}"
    assert all(line.startswith("make: ") for line in others)


def test_a_check_reports_and_touches_nothing(clone: Path) -> None:
    venv = environment(clone)
    (venv / "bin/pip").unlink()
    result = check(clone, f"PYTHON={sys.executable}")
    assert result.returncode == 0
    assert result.stdout == "seqlab: .venv is of no use, and `make run` makes it anew: it has no pip\n"
    assert (venv / ".installed").exists()


def test_a_downloaded_archive(clone: Path) -> None:
    shutil.rmtree(clone / ".git")
    result = check(clone, f"PYTHON={sys.executable}", GIT_CEILING_DIRECTORIES=str(clone.parent))
    assert result.returncode == 2
    assert "is no working copy of git" in result.stderr
    assert "git init && git add --all && git commit" in result.stderr


@pytest.mark.parametrize("name", ["a{b}", "100%", "what?", "$HOME", "`date`", 'a"b', "a\\b", "a:b"])
def test_a_folder_that_programs_misread(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    problem = prerequisites.problems(tmp_path / name)[0]
    assert problem.startswith("DVC, MLflow or pip misread ")
    assert problem.endswith(f" in {tmp_path / name}: move or rename the folder")


@pytest.mark.parametrize("name", ["seq lab", "Möbel & Früchte 日本", "C# it's [x]~!@^(y)", "a=b;c,d+e"])
def test_a_folder_that_programs_can_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert not any("misread" in problem for problem in prerequisites.problems(tmp_path / name))


def test_a_working_copy_that_does_without_git(clone: Path) -> None:
    """As docs/command-line.md has it."""
    shutil.rmtree(clone / ".git")
    (clone / ".dvc").mkdir(exist_ok=True)
    (clone / ".dvc/config.local").write_text("[core]\n    no_scm = true\n", "utf-8")
    result = check(clone, f"PYTHON={sys.executable}", GIT_CEILING_DIRECTORIES=str(clone.parent))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_an_environment_of_use_stays(clone: Path) -> None:
    venv = environment(clone)
    result = check(clone, f"PYTHON={sys.executable}")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert (venv / ".installed").exists()


def test_a_moved_folder_s_environment_is_made_anew(clone: Path, tmp_path: Path) -> None:
    environment(clone)
    moved = clone.rename(tmp_path / "moved")
    said = install(moved).stdout.splitlines()
    assert said[0] == f"seqlab: .venv is made anew: it was made in another folder, {clone}/.venv"
    assert not (moved / ".venv").exists()


def test_a_copied_folder_s_environment_is_made_anew(clone: Path, tmp_path: Path) -> None:
    venv = environment(clone)
    shutil.copytree(clone, tmp_path / "copy", symlinks=True)
    assert "it was made in another folder" in check(tmp_path / "copy", f"PYTHON={sys.executable}").stdout
    assert venv.exists()


def test_an_environment_whose_python_is_gone(clone: Path) -> None:
    venv = environment(clone)
    for link in venv.glob("bin/python*"):
        link.unlink()
    (venv / "bin/python").symlink_to("/nowhere/python3.11")
    assert install(clone).stdout.startswith("seqlab: .venv is made anew: its Python is gone\n")


def test_an_environment_whose_python_was_upgraded(clone: Path) -> None:
    venv = environment(clone)
    (venv / f"lib/{HERE}").rename(venv / "lib/python3.10")
    assert f"its Python has become {HERE.removeprefix('python')}" in check(clone, f"PYTHON={sys.executable}").stdout


@pytest.mark.parametrize(
    ("wanted", "reason"), [((3, 14), "it is of Python "), (None, ""), ((3, 9), "it is of Python ")]
)
def test_an_environment_of_another_python(clone: Path, wanted: tuple[int, int] | None, reason: str) -> None:
    venv = environment(clone)
    if wanted == sys.version_info[:2]:
        pytest.skip("the same")
    assert prerequisites.stale(venv, wanted).startswith(reason)
    assert bool(prerequisites.stale(venv, wanted)) == bool(reason)


def test_of_a_linked_environment_the_link_goes(clone: Path, tmp_path: Path) -> None:
    venv = environment(tmp_path)
    (clone / ".venv").symlink_to(venv)
    assert check(clone, f"PYTHON={sys.executable}").stdout == ""
    (venv / "bin/pip").unlink()
    assert "made anew: it has no pip" in install(clone).stdout
    assert not (clone / ".venv").is_symlink()
    assert venv.exists()


def test_a_long_path_s_scripts(tmp_path: Path) -> None:
    # What pip writes where a shebang would be too long, or would hold a blank.
    script = tmp_path / "pip"
    script.write_text("#!/bin/sh\n'''exec' \"/a folder/.venv/bin/python\" \"$0\" \"$@\"\n' '''\n", "utf-8")
    assert prerequisites._made_for(script) == Path("/a folder/.venv/bin")


def test_without_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2e9))
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    (line,) = prerequisites.problems_of_installing(tmp_path)
    assert line == f"2.0 GB are free at {tmp_path}, and to install the packages takes up to 3 GB: make room"


@pytest.mark.parametrize(
    ("system", "machine", "libc", "words"),
    [
        ("Linux", "x86_64", ("glibc", "2.17"), "PyTorch needs glibc 2.28 or later, and here is glibc 2.17"),
        ("Linux", "x86_64", ("", ""), "here is another C library"),
        ("Darwin", "x86_64", ("", ""), "this Python is for x86_64"),
        ("Windows", "AMD64", ("", ""), "use its Linux (WSL)"),
        ("Darwin", "arm64", ("", ""), None),
        ("Linux", "x86_64", ("glibc", "2.41"), None),
    ],
)
def test_where_pytorch_has_no_build(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: tuple[str, str], words: str | None
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("platform.libc_ver", lambda: libc)
    monkeypatch.setattr("platform.mac_ver", lambda: ("15.1", ("", "", ""), machine))
    problem = prerequisites._platform()
    assert problem is None if words is None else words in (problem or "")


@pytest.mark.parametrize(
    ("driver", "settings", "said"), [(False, {}, True), (True, {}, False), (False, {"a": "b"}, False)]
)
def test_a_smaller_build_is_spoken_of_where_it_would_do(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    driver: bool,
    settings: dict[str, str],
    said: bool,
) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr(prerequisites, "problems", lambda _: [])
    monkeypatch.setattr(prerequisites, "problems_of_installing", lambda _: [])
    monkeypatch.setattr(prerequisites, "has_nvidia_driver", lambda: driver)
    monkeypatch.setattr(prerequisites, "_other_index", lambda: bool(settings))
    assert prerequisites.main(tmp_path, tmp_path / ".venv", asked_for=False, installs=False) == 0
    assert ("CPU build" in capsys.readouterr().out) == said


@pytest.mark.parametrize("name", ["PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PIP_FIND_LINKS"])
def test_pip_s_settings_are_known(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for each in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setattr(prerequisites, "_run", lambda *_: (0, "global.timeout='60'"))
    assert not prerequisites._other_index()
    monkeypatch.setattr(prerequisites, "_run", lambda *_: (0, "global.extra-index-url='https://example.org'"))
    assert prerequisites._other_index()
    monkeypatch.setattr(prerequisites, "_run", lambda *_: (1, "No module named pip"))
    monkeypatch.setenv(name, "https://example.org")
    assert prerequisites._other_index()


def test_parameters_are_refused_before_dvc_removes_results(clone: Path) -> None:
    for name in ("requirements.txt", "requirements-torch.txt", "pyproject.toml"):
        (clone / name).touch()
    venv = environment(clone)
    for name, line in (
        ("seqlab", 'test "$1" != params || { echo "Error: refused" >&2; exit 1; }'),
        ("dvc", "touch ran"),
    ):
        (venv / "bin" / name).write_text(f"#!/bin/sh\n{line}\n", "utf-8")
        (venv / "bin" / name).chmod(0o755)
    result = make(clone, "run", f"PYTHON={sys.executable}")
    assert result.returncode == 2
    assert result.stderr.startswith("Error: refused\n")
    assert not (clone / "ran").exists()
    (venv / "bin/seqlab").write_text("#!/bin/sh\n", "utf-8")
    assert make(clone, "run", f"PYTHON={sys.executable}").returncode == 0
    assert (clone / "ran").exists()


def test_the_first_word_of_a_line_is_looked_for_where_the_environment_is() -> None:
    """GNU Make 3.81, which macOS has, does so only where the shell is not its default."""
    lines = (ROOT / "Makefile").read_text("utf-8").splitlines()
    shell = next(line.removeprefix("SHELL := ") for line in lines if line.startswith("SHELL := "))
    assert shell != "/bin/sh"
    assert Path(shell).is_file()
