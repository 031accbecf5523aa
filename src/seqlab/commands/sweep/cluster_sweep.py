"""Members of a sweep as jobs of a cluster: submitted, followed, cancelled or left, and fetched."""

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from filelock import FileLock
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from seqlab.commands.sweep import slurm
from seqlab.commands.sweep.clone import ClonedMember
from seqlab.commands.sweep.cluster import load_cluster
from seqlab.commands.sweep.experiments import Experiments, experiments_folder
from seqlab.commands.sweep.interruption import Interruption
from seqlab.commands.sweep.jobs import Job, Jobs, note_id
from seqlab.commands.sweep.members import Member
from seqlab.commands.sweep.plan import Planned, State, make_plan
from seqlab.commands.sweep.progress import ProgressBar
from seqlab.commands.sweep.result import Result
from seqlab.commands.sweep.slurm import JobState
from seqlab.commands.sweep.team import check_team
from seqlab.core.errors import SeqlabError
from seqlab.system import git_remote
from seqlab.system.dvc import call_dvc
from seqlab.tracking.home import find_home
from seqlab.tracking.journal.launch import launch_publisher

T = TypeVar("T")

POLL_SECONDS = 5.0
# Between two looks whether somebody publishes what members do.
LOOK_SECONDS = 60.0
# So often a job that is over is asked for its word, which a shared file system may bring late.
CALM_POLLS = 3
ATTEMPTS = 4
ENDS = {
    "TIMEOUT": "its time was up before it could be requeued; give it more in cluster.yaml (time)",
    "OUT_OF_MEMORY": "it needs more memory; give it more in cluster.yaml (mem)",
    "NODE_FAIL": "its node failed, and the cluster did not requeue it",
    "BOOT_FAIL": "its node did not start",
    "PREEMPTED": "another job went first, and the cluster did not requeue it",
    "CANCELLED": "cancelled",
    "DEADLINE": "it was not done by its deadline",
}


class ClusterSweep:
    """Runs members on a SLURM cluster; see `seqlab.commands.sweep.executor.Executor`."""

    def __init__(self, root: Path, jobs: int | None, ask: Callable[[str], bool]) -> None:
        self._root = root
        self._most = jobs
        self._ask = ask
        self._home = find_home(root)
        self._experiments = Experiments(root)
        self._jobs = Jobs(self._home, self._experiments.baseline)
        self._cluster = load_cluster(root)
        self._result = Result()
        self._open: dict[str, Job] = {}
        self._where: dict[str, str] = {}
        self._over: dict[str, int] = {}

    def plan(self, members: Sequence[Member]) -> list[Planned]:
        """How far each member is: what the git remote has, and what the cluster runs.

        Raises:
            SeqlabError: git's or DVC's remote, the MLflow server or SLURM is missing or does not answer.
        """
        check_team(self._root)
        slurm.check_programs()
        self._fetch(())
        return make_plan(members, self._experiments, self._found(slurm.states()))

    def failure(self, planned: Planned) -> str:
        """Why a member failed, by its own word; "" if it left none, or the cluster ended it."""
        job = self._jobs.latest({}).get(planned.name)
        end = job.end() if job and job.is_of(planned.member.params, self._experiments) else None
        return end.reason if end is not None and end.state == "failed" else ""

    def run(self, plan: Sequence[Planned]) -> Result:
        """Submit what is new or failed, follow what is not done, and fetch what is.

        Raises:
            SeqlabError: SLURM refuses the jobs, or git's remote does not answer.
        """
        self._result.done = [each.name for each in plan if each.state == "done"]
        waiting = [each for each in plan if each.state != "done"]
        if waiting:
            with Interruption() as interruption, ProgressBar(len(waiting)) as progress:
                self._submit(waiting)
                self._follow(interruption, progress)
                self._result.interrupted = bool(interruption)
            if self._open:
                self._leave_or_cancel()
        self._fetch(self._result.done)
        return self._result

    def _found(self, known: dict[str, JobState]) -> dict[str, Job]:
        """The members' jobs, with how it is with them."""
        latest = self._jobs.latest(slurm.submission_ids(known))
        return {name: replace(job, state=self._state(job, known.get(job.id))) for name, job in latest.items()}

    def _state(self, job: Job, state: JobState | None) -> State:
        end = job.end()
        if end is not None and end.state == "done":
            return "done"
        if state is None or not (state.runs or state.waits):
            return "failed"
        return "running" if state.runs else "queued"

    def _submit(self, waiting: Sequence[Planned]) -> None:
        """Submit those that have no job; whoever sweeps from this working copy at the same time submits others."""
        self._home.locks.mkdir(parents=True, exist_ok=True)
        with FileLock(self._home.locks / "slurm.lock"):
            found = self._found(slurm.states())
            there = {
                each.name: job
                for each in waiting
                if (job := found.get(each.name)) is not None
                and job.state in ("running", "queued")
                and job.is_of(each.member.params, self._experiments)
            }
            self._open = {**there, **self._new_jobs([each for each in waiting if each.name not in there])}

    def _new_jobs(self, fresh: Sequence[Planned]) -> dict[str, Job]:
        if not fresh:
            return {}
        folder = self._jobs.new_submission([each.member for each in fresh])
        jobs = {name: job for name, job in self._jobs.latest({folder.name: "0"}).items() if job.folder == folder}
        functions = [
            ClonedMember(
                self._root.resolve(),
                self._experiments.baseline,
                jobs[each.name],
                each.member.settings,
                self._cluster.scratch,
            )
            for each in fresh
        ]
        try:
            note_id(folder, slurm.submit(folder, functions, self._cluster, self._most))
        except SeqlabError:
            shutil.rmtree(folder)
            raise
        return {name: job for name, job in self._jobs.latest({}).items() if job.folder == folder}

    def _follow(self, interruption: Interruption, progress: ProgressBar) -> None:
        published = 0.0
        while self._open and not interruption:
            try:
                known = slurm.states()
            except SeqlabError as error:
                # Its controller may start anew: jobs go on without it.
                progress.say(f"{error}; asking again")
                time.sleep(POLL_SECONDS)
                continue
            for name, job in list(self._open.items()):
                self._look(name, job, known.get(job.id), progress)
            running = [f"{name} on {self._where[name]}" for name in self._open if name in self._where]
            progress.show(running, len(self._open) - len(running))
            if running and time.monotonic() - published > LOOK_SECONDS:
                # The journal is here: members need no way to MLflow while they train.
                launch_publisher(self._home)
                published = time.monotonic()
            time.sleep(POLL_SECONDS if self._open else 0)

    def _look(self, name: str, job: Job, state: JobState | None, progress: ProgressBar) -> None:
        """Note how it is with a member, and whether it is over."""
        end = job.end()
        if end is not None and end.state == "done":
            self._result.done.append(name)
            self._end(name, progress)
            for note in end.notes:
                progress.say(f"  {note}")
        elif state is not None and state.runs:
            self._where[name] = state.node
            self._over.pop(name, None)
        elif state is not None and state.waits:
            if node := self._where.pop(name, ""):
                progress.say(f"requeued {name}, which ran on {node}: it goes on from its training state")
            self._over.pop(name, None)
        else:
            self._over[name] = self._over.get(name, 0) + 1
            if self._over[name] >= CALM_POLLS or end is not None:
                self._result.failed[name] = self._reason(job, state)
                self._result.logs[name] = str(job.log)
                self._end(name, progress)

    def _end(self, name: str, progress: ProgressBar) -> None:
        del self._open[name]
        self._where.pop(name, None)
        progress.end(name, failed=name in self._result.failed)

    def _reason(self, job: Job, state: JobState | None) -> str:
        """Why a member failed: by its own word, or by SLURM's."""
        end = job.end()
        if end is not None and end.reason:
            return "; ".join([f"{end.reason} (on {end.node})", *end.notes])
        word = state.word if state is not None else slurm.past_state(job.folder, job.id)
        ended = ENDS.get(word, f"its job ended as {word}" if word else "SLURM knows its job no more")
        where = f" (on {state.node})" if state is not None and state.node else ""
        return f"{ended}{where}; it left no word of its own"

    def _leave_or_cancel(self) -> None:
        ids = [job.id for job in self._open.values()]
        names = sorted(self._open)
        is_seen = sys.stdin.isatty()
        if is_seen and self._ask(
            f"{len(ids)} members run or wait on the cluster. Cancel them? (No leaves them there.)"
        ):
            slurm.cancel(ids)
            self._await_end(ids)
        else:
            self._result.advice = (
                f"They go on without this command, which follows them again; or cancel them: scancel {' '.join(ids)}"
            )
        revisions = self._remote()
        self._result.done += [name for name in names if name in revisions]
        self._result.stopped = [name for name in names if name not in revisions]

    def _await_end(self, ids: Sequence[str]) -> None:
        """Wait until those that ran have saved their states."""
        while any(state.runs for job_id, state in slurm.states().items() if job_id in ids):
            time.sleep(POLL_SECONDS)

    def _remote(self) -> dict[str, str]:
        """The experiments on this commit that the git remote has: name → commit."""
        return _again(lambda: git_remote.remote_references(self._root, experiments_folder(self._experiments.baseline)))

    def _fetch(self, names: Sequence[str]) -> None:
        """Fetch the experiments on this commit from the git remote, and the files of those that are named.

        Raises:
            SeqlabError: a remote does not answer; the same command fetches them another time.
        """
        there = self._remote()
        here = self._experiments.revisions()
        # By git: of all experiments on the remote, DVC takes none if somebody pushed one that it cannot read.
        fresh = sorted(name for name in set(there) - set(here) if git_remote.NAME.fullmatch(name))
        _again(lambda: git_remote.fetch_references(self._root, experiments_folder(self._experiments.baseline), fresh))
        if wanted := [name for name in names if name in there]:
            _again(lambda: call_dvc(self._root, "exp", "pull", operands=["origin", *wanted]))


def _again(action: Callable[[], T]) -> T:
    """Do what a remote, or another DVC in this working copy, may refuse for a moment."""
    return Retrying(
        retry=retry_if_exception_type(SeqlabError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=2),
        reraise=True,
    )(action)
