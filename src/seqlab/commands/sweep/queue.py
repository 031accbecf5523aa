"""DVC's experiment queue: the commands `dvc exp run --queue` and `dvc queue`, and what they say of its tasks.

The alternative is `dvc exp run --temp` side by side. Eight of eight went well when tried four at a time, but by DVC's
code each runs whatever lies in a stash that all of them share, so that one may run what another has just put there. The
queue hands a task to one worker, keeps its log, and outlives the terminal.
"""

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from seqlab.commands.sweep.experiments import Experiments
from seqlab.commands.sweep.plan import State
from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params
from seqlab.system.dvc import call_dvc
from seqlab.system.dvc_library import queued_tasks

# What DVC says of a task that it never began.
NO_LOG = "No output logs found"
ATTEMPTS = 10
ATTEMPT_SECONDS = 2.0

# What DVC says of a task.
STATES: dict[str, State] = {"Running": "running", "Queued": "queued", "Failed": "failed", "Success": "done"}


@dataclass(frozen=True)
class Task:
    """A task of the queue: its experiment's name, its state, and the commit that DVC keeps it as."""

    name: str
    state: State
    revision: str

    def is_of(self, params: Params, experiments: Experiments) -> bool:
        """Whether it is of this recipe, and of the code that the working copy has now."""
        return experiments.params(self.revision) == params


class Queue:
    """The queue of working copy `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def tasks(self) -> dict[str, Task]:
        """Name → task; where two have one name, the one that runs, or is to run, before one that is over.

        Raises:
            SeqlabError: DVC cannot tell.
        """
        tasks: dict[str, Task] = {}
        for task in queued_tasks(self._root):
            name = task["name"] or task["rev"][:7]
            tasks.setdefault(name, Task(name, STATES[task["status"]], task["rev"]))
        return tasks

    def workers(self) -> int:
        """How many workers live. Celery would ask them, and take one that is busy for a second for dead."""
        found = 0
        for process in psutil.process_iter(["cmdline"]):
            with suppress(psutil.Error, OSError):
                if "queue-worker" in (process.info["cmdline"] or ()) and Path(process.cwd()) == self._root.resolve():
                    found += 1
        return found

    def fail_abandoned(self) -> None:
        """Have DVC note as failed what it says runs, where no worker lives any more, as after a power cut."""
        for _ in range(ATTEMPTS):
            running = [name for name, task in self.tasks().items() if task.state == "running"]
            if not running or self.workers():
                return
            for name in running:
                self.kill(name)
            # What lost its worker alone still runs, and ends itself first.
            time.sleep(ATTEMPT_SECONDS)

    def add(self, name: str, settings: Sequence[str]) -> None:
        """Queue an experiment of the working copy as it is now, with these settings.

        Raises:
            SeqlabError: DVC refuses.
        """
        call_dvc(self._root, "exp", "run", "--queue", f"--name={name}", *(f"--set-param={each}" for each in settings))

    def start(self, workers: int) -> None:
        """Start workers up to this number; they end when the queue is empty."""
        # Trainings side by side would take each other's cores while their threads wait.
        waiting = {"OMP_WAIT_POLICY": "passive"} if workers > 1 else {}
        call_dvc(self._root, "queue", "start", "--jobs", str(workers), environment=waiting)

    def remove(self, names: Iterable[str]) -> None:
        """Take tasks that do not run out of the queue, and forget their logs."""
        if names := list(names):
            call_dvc(self._root, "queue", "remove", operands=names)

    def kill(self, name: str) -> bool:
        """Ask a running task to stop; a training saves its state. False where its process is not there yet."""
        try:
            call_dvc(self._root, "queue", "kill", operands=[name])
        except SeqlabError:
            return False
        return True

    def log(self, name: str) -> str | None:
        """What the task printed; None if it never began.

        A worker whose queue is empty ends after ten seconds. What comes as it ends, it still takes, and drops.

        Raises:
            SeqlabError: DVC knows no such task.
        """
        try:
            return call_dvc(self._root, "queue", "logs", operands=[name])
        except SeqlabError as error:
            if NO_LOG in str(error):
                return None
            raise
