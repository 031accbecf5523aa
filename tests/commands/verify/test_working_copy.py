import os
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from seqlab.commands.verify.working_copy import _environment, execute, working_copy
from seqlab.core.atomic import write_bytes, write_text
from seqlab.core.errors import SeqlabError
from seqlab.tracking.journal.source import source_archive
from tests.tracking.archives import zipped
from tests.tracking.conftest import Project, git, make_project

DVC_YAML = "stages:\n  evaluate:\n    cmd: {command}\n    deps: [params.yaml]\n    outs: [out.txt]\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project in which everything is committed."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temporary").mkdir()
    made = make_project(tmp_path / "project")
    (made.root / "README.md").write_text("read")
    text = (made.root / "dvc.yaml").read_text()
    # A stage reads what no archive has.
    (made.root / "dvc.yaml").write_text(text.replace("deps: [pipeline/download.py]", "deps: [lexicon, .dvc/theirs]"))
    write_text(made.root / "lexicon/de.txt", "Haus")
    write_text(made.root / ".dvc/theirs", "")
    git(made.root, "init", "--quiet")
    git(made.root, "add", "--all")
    git(made.root, "commit", "--quiet", "--message=Start")
    return made


def head(project: Project) -> str:
    return git(project.root, "rev-parse", "HEAD").strip()


def test_the_archive_lies_over_the_commit(project: Project, tmp_path: Path) -> None:
    commit = head(project)
    (project.root / "pipeline/train.py").write_text("edited")
    (project.root / "pipeline/report.py").unlink()
    (project.root / "data/own").mkdir()
    (project.root / "data/own/mine.tsv").write_text("a\tb\n")
    write_bytes(project.root / "models/origins/base/model.safetensors", b"weights")
    (project.root / ".seqlab/downloads").mkdir(parents=True)
    (project.root / ".seqlab/downloads/corpus.gz").write_bytes(b"large")
    with working_copy(project.home, source_archive(project.root), commit) as root:
        assert (root / "lexicon/de.txt").read_text() == "Haus"
        # What no stage depends on, nobody looked at; nor are DVC's settings and hooks a commit's.
        assert not (root / "README.md").exists()
        assert [path.name for path in (root / ".dvc").iterdir()] == ["config"]
        assert (root / "pipeline/train.py").read_text() == "edited"
        assert not (root / "pipeline/report.py").exists()
        assert (root / "data/own/mine.tsv").read_text() == "a\tb\n"
        assert (root / "models/origins/base/model.safetensors").read_bytes() == b"weights"
        assert (root / "models/origins/none").is_dir()
        assert (root / ".seqlab/downloads/corpus.gz").read_bytes() == b"large"
        assert not (root / ".seqlab/journal").exists()
        assert not (root / ".git").exists()
        (root / "pipeline/train.py").write_text("changed in the copy")
    assert not root.parent.exists()
    assert (project.root / "pipeline/train.py").read_text() == "edited"
    assert (project.root / ".seqlab/downloads/corpus.gz").read_bytes() == b"large"


@pytest.mark.parametrize("commit", [None, 40 * "0", "--output=stolen", "HEAD"])
def test_without_a_known_commit_the_archive_is_all(project: Project, commit: str | None) -> None:
    with working_copy(project.home, source_archive(project.root), commit) as root:
        assert (root / "pipeline/train.py").read_bytes() == (project.root / "pipeline/train.py").read_bytes()
        assert not (root / "lexicon").exists()
    assert not (project.root / "stolen").exists()


def test_of_a_commit_in_no_branch_nothing_is_unzipped(project: Project) -> None:
    ours = head(project)
    git(project.root, "checkout", "--quiet", "--detach")
    write_text(project.root / "lexicon/de.txt", "Hof")
    git(project.root, "commit", "--quiet", "--all", "--message=Pull request")
    theirs = head(project)
    git(project.root, "checkout", "--quiet", "-")
    assert head(project) == ours
    with working_copy(project.home, source_archive(project.root), theirs) as root:
        assert not (root / "lexicon").exists()


@pytest.mark.parametrize(
    "name",
    [
        *("models", "data", ".dvc", ".dvc/config.local", ".DVC/config.local", ".seqlab/x"),
        pytest.param("/".join(["a" * 250] * 20), id="long"),
    ],
)
def test_an_archive_whose_names_no_working_copy_can_have_is_one_line(project: Project, name: str) -> None:
    """Somebody may have said `--trust`."""
    with (
        pytest.raises(SeqlabError, match=r"source\.zip"),
        working_copy(project.home, zipped(**{name: b"x"}), None),
    ):
        pass


def test_values_that_run_unasked_are_read_by_us_before_dvc_reads_them(project: Project) -> None:
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 8)}]\n" for level in range(1, 9)
    )
    content = (project.root / "params.yaml").read_bytes() + bomb.encode()
    with (
        pytest.raises(SeqlabError, match="its anchors make more than"),
        working_copy(project.home, zipped(**{"params.yaml": content}), None),
    ):
        pass


def test_it_is_deleted_after_an_error(project: Project) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        working_copy(project.home, source_archive(project.root), None) as root,
    ):
        raise KeyboardInterrupt
    assert not root.parent.exists()


SECRETS = {
    "MLFLOW_TRACKING_PASSWORD": "p",
    "MLFLOW_TRACKING_URI": "http://user:p@server",
    "AWS_SECRET_ACCESS_KEY": "p",
    "GITHUB_TOKEN": "p",
    "SSH_AUTH_SOCK": "/run/agent",
    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/bus",
    "GIT_ASKPASS": "/bin/p",
    "NVIDIA_API_KEY": "p",
    "NVIDIA_TOKEN": "p",
    "CUDA_SECRET": "p",
    "MKL_PASSWORD": "p",
    "ONEDNN_CREDENTIALS": "p",
    "PYTHONKEYRING": "p",
    "DYLD_P": "p",
    "LC_P": "p",
    "https_proxy": "http://user:p@proxy:80",
    "http_proxy": "user:p@proxy:80",
    "HTTPS_PROXY": "user:p%40proxy",
    "ALL_PROXY": "socks5:user:p",
    "SEQLAB_CORPUS_MIRROR": "http://user:p@mirror",
    "OMP_MINE": "://user:p@x",
}


def test_a_run_sees_no_secret_of_its_user(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    harmless = {
        **{"OMP_WAIT_POLICY": "passive", "LC_ALL": "C.UTF-8", "CUDA_VISIBLE_DEVICES": "0", "PYTHONPATH": "/packages"},
        **{"HTTP_PROXY": "http://proxy:80", "all_proxy": "socks5h://[::1]:1080/", "ftp_proxy": "proxy.example.org"},
        **{"no_proxy": "localhost,.example.org,10.0.0.0/8,[::1]", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    }
    for name, value in (SECRETS | harmless).items():
        monkeypatch.setenv(name, value)
    with working_copy(project.home, source_archive(project.root), None) as root:
        seen = _environment(root)
        assert not [*Path(seen["HOME"]).iterdir()]
        assert Path(seen["HOME"]).is_relative_to(root.parent)
    assert not {*SECRETS} & {*seen}
    assert seen.items() >= harmless.items()
    assert seen["PATH"].startswith(str(Path(sys.executable).parent))


def with_command(root: Path, command: str) -> None:
    (root / "dvc.yaml").write_text(DVC_YAML.format(command=command))


@pytest.mark.slow
def test_every_execution_is_one(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(project.root))
    with_command(project.root, f"echo run >> {tmp_path}/runs && echo $DVC_ROOT $SEQLAB_PUBLISHER > out.txt")
    for _ in range(2):
        with working_copy(project.home, source_archive(project.root), head(project)) as root:
            execute(root)
            assert (root / "out.txt").read_text() == f"{root} off\n"
    assert (tmp_path / "runs").read_text() == "run\nrun\n"
    assert not (project.root / "out.txt").exists()


@pytest.mark.slow
def test_a_dvc_of_the_project_s_own_is_not_run(project: Project, tmp_path: Path) -> None:
    with_command(project.root, "echo made > out.txt")
    with working_copy(project.home, source_archive(project.root), None) as root:
        (root / "dvc.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')")
        execute(root)
        assert (root / "out.txt").read_text() == "made\n"
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_stage_that_fails_is_no_verdict(project: Project) -> None:
    with_command(project.root, "exit 3")
    with (
        working_copy(project.home, source_archive(project.root), None) as root,
        pytest.raises(SeqlabError, match="could not be made anew"),
    ):
        execute(root)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_leaves_no_process_and_no_folder(
    project: Project, tmp_path: Path, number: signal.Signals
) -> None:
    with_command(project.root, f"echo $$ > {tmp_path}/pid; sleep 600")

    def interrupt() -> None:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.05)
        os.kill(os.getpid(), number)

    threading.Thread(target=interrupt, daemon=True).start()
    handler = signal.getsignal(number)
    with (
        pytest.raises(KeyboardInterrupt),
        working_copy(project.home, source_archive(project.root), None) as root,
    ):
        execute(root)
    assert not root.parent.exists()
    assert signal.getsignal(number) is handler
    stage = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not psutil.pid_exists(stage) or psutil.Process(stage).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.05)
    raise AssertionError("the stage is still running")
