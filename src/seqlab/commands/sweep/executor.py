"""Where members run: the one seam between a sweep and the machines.

An executor knows how far members are, and brings those to their end that a plan says are not done. Wherever they run,
a finished member is a DVC experiment of this working copy, on the commit that is checked out, with its name from the
plan. Everything else (which members there are, MLflow's tags, what people are told) stands above this seam.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from seqlab.commands.sweep.cluster_sweep import ClusterSweep
from seqlab.commands.sweep.local_sweep import LocalSweep
from seqlab.commands.sweep.members import Member
from seqlab.commands.sweep.plan import Planned
from seqlab.commands.sweep.result import Result
from seqlab.commands.sweep.where import Where

LOCAL_JOBS = 2


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


def make_executor(root: Path, where: Where) -> Executor:
    """The executor of a place, for working copy `root`."""
    if where.on == "slurm":
        return ClusterSweep(root, where.jobs, where.ask)
    return LocalSweep(root, where.jobs or LOCAL_JOBS)
