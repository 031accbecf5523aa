"""Members of a sweep in DVC's queue on this machine: queued, run by its workers, and followed to their end."""

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from seqlab.commands.sweep.experiments import Experiments
from seqlab.commands.sweep.failure import mishap, reason
from seqlab.commands.sweep.interruption import Interruption
from seqlab.commands.sweep.members import Member
from seqlab.commands.sweep.plan import Planned, make_plan
from seqlab.commands.sweep.progress import ProgressBar
from seqlab.commands.sweep.queue import Queue, Task
from seqlab.commands.sweep.result import Result
from seqlab.core.errors import SeqlabError

POLL_SECONDS = 2.0
# Between two looks whether the workers live.
LOOK_SECONDS = 30.0
CALM_POLLS = 2


class LocalSweep:
    """Runs members on this machine; see `seqlab.commands.sweep.executor.Executor`."""

    def __init__(self, root: Path, jobs: int) -> None:
        self._root = root
        self._jobs = jobs
        self._queue = Queue(root)
        self._experiments = Experiments(root)
        self._result = Result()
        self._open: list[Planned] = []
        self._again: list[str] = []

    def plan(self, members: Sequence[Member]) -> list[Planned]:
        """How far each member is, in DVC's queue and among its experiments.

        Raises:
            SeqlabError: the queue cannot be read.
        """
        self._queue.fail_abandoned()
        return make_plan(members, Experiments(self._root), self._queue.tasks())

    def failure(self, planned: Planned) -> str:
        """Why a member failed, by the queue's log; "" where that is gone, or of another recipe.

        Raises:
            SeqlabError: the queue cannot be read.
        """
        task = self._queue.tasks().get(planned.name)
        if task is None or not task.is_of(planned.member.params, Experiments(self._root)):
            return ""
        try:
            return reason(self._queue.log(planned.name))
        except SeqlabError:
            # Its log is gone.
            return ""

    def run(self, plan: Sequence[Planned]) -> Result:
        """Run the members that are not done; a failed one does not stop the rest, Ctrl-C stops them all.

        What failed by no fault of its own (`mishap`) runs once more at the end.

        Raises:
            SeqlabError: DVC refuses a member, or its queue cannot be read.
        """
        self._result = Result(done=[each.name for each in plan if each.state == "done"])
        self._open = [each for each in plan if each.state != "done"]
        self._again = []
        if not self._open:
            return self._result
        with Interruption() as interruption, ProgressBar(len(self._open)) as progress:
            self._add([each for each in self._open if each.state in ("new", "failed")], interruption, progress)
            self._follow([each.name for each in self._open], interruption, progress)
            if self._again and not interruption:
                self._add([each for each in self._open if each.name in self._again], interruption, progress)
                self._follow(self._again, interruption, progress)
            if interruption:
                self._result.interrupted = True
                self._stop(progress)
        return self._result

    def _add(self, fresh: Sequence[Planned], interruption: Interruption, progress: ProgressBar) -> None:
        if fresh:
            self._experiments.check_baseline()
        tasks = self._queue.tasks()
        self._queue.remove(each.name for each in fresh if each.name in tasks)
        for number, each in enumerate(fresh, 1):
            if interruption:
                return
            progress.queue(number, len(fresh))
            self._queue.add(each.name, each.member.settings)
        if not interruption:
            self._queue.start(self._jobs)

    def _follow(self, names: Sequence[str], interruption: Interruption, progress: ProgressBar) -> None:
        looked = time.monotonic()
        missing: set[str] = set()
        while names and not interruption:
            tasks = self._queue.tasks()
            ended = [name for name in names if _is_over(tasks.get(name), was_missing=name in missing)]
            missing = set(names) - set(tasks)
            names = [name for name in names if name not in ended]
            self._end(ended, progress)
            running = [name for name in names if name in tasks and tasks[name].state == "running"]
            progress.show(running, len(names) - len(running))
            if time.monotonic() - looked > LOOK_SECONDS:
                self._revive()
                looked = time.monotonic()
            time.sleep(POLL_SECONDS if names else 0)

    def _end(self, names: Sequence[str], progress: ProgressBar) -> None:
        """Note how members ended that are in the queue no more."""
        revisions = self._experiments.revisions() if names else {}
        for name in names:
            if name in revisions:
                self._result.done.append(name)
            elif why := self._note_failure(name):
                progress.say(f"again at the end: {name}, {why}")
                continue
            progress.end(name, failed=name not in revisions)

    def _note_failure(self, name: str) -> str:
        """Note why a member failed, or that it is to run once more; then why that."""
        try:
            log = self._queue.log(name)
        except SeqlabError as error:
            self._result.failed[name] = str(error)
            return ""
        if name not in self._again and (why := mishap(log)):
            self._again.append(name)
            return why
        self._result.failed[name] = reason(log)
        return ""

    def _revive(self) -> None:
        """Where all workers are gone, give up what they ran, and start others for the rest."""
        if not self._queue.workers():
            self._queue.fail_abandoned()
            self._queue.start(self._jobs)

    def _stop(self, progress: ProgressBar) -> None:
        """Take back what waits, and wait until what runs has saved its state and ended."""
        progress.say("stopping: trainings save their state")
        names = {each.name for each in self._open} - {*self._result.done, *self._result.failed}
        killed: set[str] = set()
        calm = 0
        # Twice, for the sake of a task that a worker was just taking.
        while calm < CALM_POLLS:
            tasks = {name: task for name, task in self._queue.tasks().items() if name in names}
            waiting = [name for name, task in tasks.items() if task.state == "queued"]
            # One that a worker has just taken is not to be removed any more; the next look sees it run.
            with suppress(SeqlabError):
                self._queue.remove(waiting)
            running = [name for name, task in tasks.items() if task.state == "running"]
            # A second signal would cut off the saving.
            killed |= {name for name in running if name not in killed and self._queue.kill(name)}
            progress.show(running, 0)
            calm = 0 if running or waiting else calm + 1
            time.sleep(POLL_SECONDS)
        revisions = self._experiments.revisions()
        self._result.done += sorted(names & set(revisions))
        self._result.stopped = sorted(names - set(revisions))


def _is_over(task: Task | None, *, was_missing: bool) -> bool:
    """Whether a task is neither to run nor running; one that a worker is just taking is for a moment nowhere."""
    return was_missing if task is None else task.state in ("failed", "done")
