"""What a node of the cluster does for a member: a clone in scratch space, run, pushed, published, and deleted.

Resume states and the journal are those of the working copy that submitted it, so that a member that was requeued goes
on from its state on whatever node, and nothing that it did is lost with the node. The cache is pushed before the
experiment: an experiment that the git remote has is complete.
"""

import os
import platform
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Literal, TypeVar

from seqlab.commands.sweep.experiments import Experiments, experiments_folder
from seqlab.commands.sweep.failure import reason, stage_failed
from seqlab.commands.sweep.jobs import PRIVATE, Job, JobEnd, note_end
from seqlab.commands.sweep.members import recipe_digest
from seqlab.commands.sweep.patience import FinalError, patiently
from seqlab.commands.sweep.process_group import await_group
from seqlab.commands.sweep.push import keep_clone, push_experiment
from seqlab.core.errors import SeqlabError
from seqlab.system import git, git_remote
from seqlab.system.addresses import stripped
from seqlab.system.dvc import call_dvc, dvc_environment, start_dvc
from seqlab.system.terminal import plain
from seqlab.tracking.home import CHECKPOINTS, FOLDER
from seqlab.tracking.journal.launch import SWITCH

if TYPE_CHECKING:
    import subprocess

    from submitit.helpers import DelayedSubmission

T = TypeVar("T")

# Of the working copy that submitted, to which a clone's are links.
SHARED = (FOLDER, CHECKPOINTS)
# Of the working copy that submitted, and none of what somebody else may have given it: git and DVC do in a clone what
# its configuration says, and .seqlab may be a stranger's.
KEPT = ".dvc/tmp/seqlab/kept"


@dataclass(frozen=True)
class ClonedMember:
    """A member of a sweep, as a job runs it.

    Attributes:
        root: The working copy that submitted it.
        commit: The commit that was checked out there.
        job: Where it is written down.
        settings: As after `dvc exp run -S`.
        scratch: Folder on the node, with its variables; "" for its own.
        patience: Seconds to go on asking a remote that does not answer: an upgrade, a line that was cut.
    """

    root: Path
    commit: str
    job: Job
    settings: tuple[str, ...]
    scratch: str = ""
    patience: float = 600.0

    @property
    def kept(self) -> Path:
        """The clone of a member that ran and could not be pushed."""
        return self.root / KEPT / f"{self.job.name}-{self.job.recipe[:12]}"

    def __call__(self) -> None:
        """Run the member, and write down how it ended."""
        note_end(self.job.folder, self.job.name, None)
        _Run(self).run()

    def checkpoint(self) -> "DelayedSubmission":
        """Stop, since the time is up or another job goes first; submitit requeues what is returned."""
        from submitit.helpers import DelayedSubmission

        if _Run.current is not None:
            _Run.current.stop()
        return DelayedSubmission(self)


class _Run:
    """A try of a member on this node."""

    current: "_Run | None" = None

    def __init__(self, member: ClonedMember) -> None:
        self._member = member
        self._name = member.job.name
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = threading.Event()
        self._notes: list[str] = []
        self._seconds: dict[str, float] = {}
        _Run.current = self

    def run(self) -> None:
        """Everything, in its order."""
        # The cluster's own warning that it will kill; what runs is told too.
        signal.signal(signal.SIGTERM, self._handle)
        try:
            with self._timed("clone"):
                clone = self._clone()
            try:
                self._work(clone)
            finally:
                if clone != self._member.kept:
                    shutil.rmtree(clone, ignore_errors=True)
            end = self._ended("done")
        except Exception as error:  # whatever it is, the sweep is told; submitit gives up a member by one of its own
            said = str(error) if isinstance(error, SeqlabError | FinalError) else f"{type(error).__name__}: {error}"
            end = self._ended("interrupted" if self._asked.is_set() else "failed", stripped(said))
            self._log(f"{self._name}: {said}")
        if end.state == "done":
            shutil.rmtree(self._member.kept, ignore_errors=True)
        note_end(self._member.job.folder, self._name, end)

    def stop(self) -> None:
        """Have what runs save its state, and wait until it has."""
        self._asked.set()
        if self._process is not None and self._process.poll() is None:
            # DVC leaves this signal to its stage, and ends in order when the stage has.
            os.killpg(self._process.pid, signal.SIGINT)
            # Not by its `wait`, in which this signal came, and which is not entered twice.
            await_group(self._process.pid)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._asked.set()

    def _work(self, clone: Path) -> None:
        project = clone / self._place
        if not self._is_there(project):
            with self._timed("run"):
                self._execute(project)
            try:
                with self._timed("push"):
                    self._push(project)
            except SeqlabError:
                self._keep(clone)
                raise
        with self._timed("publish"):
            self._publish(project)

    def _clone(self) -> Path:
        """A clone at the commit, with the settings, the journal and the resume states of the working copy."""
        root, kept = self._member.root, self._member.kept
        if kept.is_dir():
            self._log(f"{self._name}: going on with the clone that was kept, {kept}")
            return kept
        folder = self._scratch()
        self._patiently(lambda: self._clone_into(folder), "git's remote")
        (folder / ".git/info").mkdir(exist_ok=True)
        with open(folder / ".git/info/exclude", "a", encoding="utf-8") as file:
            file.writelines(f"/{self._place}{name}\n" for name in SHARED)
        project = folder / self._place
        for name in SHARED:
            (root / name).mkdir(exist_ok=True)
            (project / name).symlink_to(root / name)
        if (root / ".dvc/config.local").is_file():
            # Names and passwords: with the mode that they have.
            shutil.copy2(root / ".dvc/config.local", project / ".dvc/config.local")
        return folder

    def _clone_into(self, folder: Path) -> None:
        # What a try before this one left.
        shutil.rmtree(folder)
        folder.mkdir(PRIVATE)
        git_remote.clone(self._member.root, self._member.commit, folder)

    @cached_property
    def _place(self) -> str:
        """Where the working copy is in its repository, and so in a clone."""
        return git.place_of(self._member.root)

    def _scratch(self) -> Path:
        """A new folder for a clone, which has the job's id in its name."""
        place = os.path.expandvars(self._member.scratch) or os.environ.get("SLURM_TMPDIR") or tempfile.gettempdir()
        if "$" in place:
            raise SeqlabError(f"scratch: {_node()} does not know all variables of {place}")
        Path(place).mkdir(PRIVATE, parents=True, exist_ok=True)
        mark = f"seqlab-{os.getuid()}-{os.environ.get('SLURM_JOB_ID', os.getpid())}-"
        for path in Path(place).glob(f"{mark}*"):
            # What was left when this job was killed on this node.
            shutil.rmtree(path, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=mark, dir=place))

    def _is_there(self, project: Path) -> bool:
        """Whether the remote has the member already, which somebody else ran or this job before it was requeued."""
        reference = experiments_folder(self._member.commit) + self._name
        if self._name not in self._remote(project):
            return False
        found = self._patiently(lambda: git_remote.fetch(project, reference), "git's remote")
        params = Experiments(project).params(found)
        if params is None or recipe_digest(params) != self._member.job.recipe:
            raise SeqlabError(
                f"another recipe was pushed as {self._name} meanwhile: the same command gives this one a number"
            )
        self._notes.append(f"{self._name} was there already, pushed by another job")
        return True

    def _remote(self, project: Path) -> dict[str, str]:
        folder = experiments_folder(self._member.commit)
        return self._patiently(lambda: git_remote.remote_references(project, folder), "git's remote")

    def _execute(self, project: Path) -> None:
        if self._name in Experiments(project).revisions():
            # A clone that was kept.
            return
        self._patiently(lambda: self._dvc(project), "DVC's remote")

    def _dvc(self, project: Path) -> None:
        settings = [f"--set-param={each}" for each in self._member.settings]
        environment = dvc_environment() | git.identity(self._member.root) | {SWITCH: "off"}
        # Its stages are told where they are by DVC itself, and computed on what the cluster gave.
        environment.pop("DVC_ROOT", None)
        with open(self._member.job.log, "a+b") as log:
            start = log.seek(0, os.SEEK_END)
            # The warning is sent to every process of a job, and whoever does not know it is killed by it.
            before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
            try:
                self._process = start_dvc(
                    project, "exp", "run", "--pull", f"--name={self._name}", *settings, environment=environment, log=log
                )
            finally:
                signal.signal(signal.SIGUSR2, before)
            status = self._process.wait()
            log.seek(start)
            said = log.read().decode("utf-8", "replace")
        if self._asked.is_set():
            await_group(self._process.pid)
            raise FinalError("stopped by the cluster or by scancel; an interrupted training goes on from its state")
        if self._name not in Experiments(project).revisions():
            error = reason(said) if said.strip() else f"DVC ended with status {status}"
            raise FinalError(error) if stage_failed(said) else SeqlabError(error)

    def _push(self, project: Path) -> None:
        """Push the cache, then the experiment."""
        self._patiently(lambda: call_dvc(project, "push"), "DVC's remote")
        baseline = self._member.commit
        if note := self._patiently(lambda: push_experiment(project, baseline, self._name), "git's remote"):
            self._notes.append(note)

    def _publish(self, project: Path) -> None:
        from seqlab.tracking.publishing.sync import sync

        try:
            summary = self._patiently(lambda: sync(project), "MLflow")
        except SeqlabError as error:
            self._notes.append(f"{self._name} is not in MLflow yet ({error}): `seqlab sync` publishes it")
            return
        self._log(str(summary))

    def _keep(self, clone: Path) -> None:
        """Keep a clone whose results could not be pushed where the next try finds it."""
        kept = self._member.kept
        if clone == kept:
            return
        keep_clone(clone, kept)
        self._notes.append(
            f"the results of {self._name} are kept: the same command pushes them, and runs nothing again"
        )

    def _patiently(self, action: Callable[[], T], what: str) -> T:
        def announce(error: str) -> None:
            self._log(f"{self._name}: {what}: {error}")

        return patiently(action, self._member.patience, self._asked, announce)

    def _ended(self, state: Literal["done", "failed", "interrupted"], reason: str = "") -> JobEnd:
        return JobEnd(state=state, node=_node(), reason=reason, notes=self._notes, seconds=self._seconds)

    def _log(self, line: str) -> None:
        with open(self._member.job.log, "a", encoding="utf-8") as log:
            log.write(plain(stripped(line)) + "\n")

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self._seconds[part] = round(time.monotonic() - start, 1)


def _node() -> str:
    """The node, as the cluster calls it."""
    return os.environ.get("SLURMD_NODENAME") or platform.node()
