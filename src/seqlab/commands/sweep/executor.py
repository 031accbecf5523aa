"""Where members run: the one seam between a sweep and the machines.

An executor knows how far members are, and brings those to their end that a plan says are not done. Wherever they run,
a finished member is a DVC experiment of this working copy, on the commit that is checked out, with its name from the
plan. Everything else (which members there are, MLflow's tags, what people are told) stands above this seam.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from seqlab.commands.sweep.cluster_sweep import ClusterSweep
from seqlab.commands.sweep.experiments import Experiments
from seqlab.commands.sweep.failure import reason
from seqlab.commands.sweep.members import Member
from seqlab.commands.sweep.plan import Planned, make_plan
from seqlab.commands.sweep.queue import Queue
from seqlab.commands.sweep.sweep import Result, Sweep
from seqlab.core.errors import SeqlabError

Place = Literal["local", "slurm"]
PLACES: tuple[Place, ...] = ("local", "slurm")
LOCAL_JOBS = 2


@dataclass(frozen=True)
class Where:
    """Where members run, as people said.

    Attributes:
        on: `local`, or a cluster's workload manager: `slurm`.
        jobs: Members that run at one time; None: two on this machine, as many as it starts on a cluster.
        ask: Asks people a question that is answered by yes or no; by itself no.
    """

    on: Place = "local"
    jobs: int | None = None
    ask: Callable[[str], bool] = lambda _: False


class Executor(Protocol):
    """Runs members somewhere."""

    def plan(self, members: Sequence[Member]) -> list[Planned]:
        """How far each member is, there and here; starts nothing.

        Raises:
            SeqlabError: something is missing that members need there.
        """

    def failure(self, planned: Planned) -> str:
        """Why a member failed that a plan says has, as far as it is remembered; "" where it is not.

        Raises:
            SeqlabError: the place does not answer.
        """

    def run(self, plan: Sequence[Planned]) -> Result:
        """Bring members to their end: what is new or failed is started, what is there already is followed.

        A failed member stops no other. Ctrl-C ends it early, and what was running can be taken up by the same plan.

        Raises:
            SeqlabError: the place refuses, or does not answer.
        """


class Local:
    """This machine: the queue of DVC experiments, and its workers."""

    def __init__(self, root: Path, jobs: int) -> None:
        self._root = root
        self._jobs = jobs

    def plan(self, members: Sequence[Member]) -> list[Planned]:
        """See `Executor.plan`."""
        queue = Queue(self._root)
        queue.fail_abandoned()
        return make_plan(members, Experiments(self._root), queue.tasks())

    def failure(self, planned: Planned) -> str:
        """See `Executor.failure`."""
        queue = Queue(self._root)
        task = queue.tasks().get(planned.name)
        if task is None or not task.is_of(planned.member.params, Experiments(self._root)):
            return ""
        try:
            return reason(queue.log(planned.name))
        except SeqlabError:
            # Its log is gone.
            return ""

    def run(self, plan: Sequence[Planned]) -> Result:
        """See `Executor.run`."""
        return Sweep(self._root, plan, self._jobs).run()


def make_executor(root: Path, where: Where) -> Executor:
    """The executor of a place, for working copy `root`."""
    if where.on == "slurm":
        return ClusterSweep(root, where.jobs, where.ask)
    return Local(root, where.jobs or LOCAL_JOBS)
