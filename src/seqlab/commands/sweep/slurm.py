"""SLURM, by its own programs: squeue says what runs where, and submitit submits and cancels."""

import os
import subprocess
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.commands.sweep.cluster import Cluster, minutes
from seqlab.core.errors import SeqlabError

SECONDS = 60
JOB_NAME = "seqlab-"
# Before the time is up: long enough to finish a batch, and to write a state to a slow disk.
SIGNAL_SECONDS = 90
# What runs out of time so often makes no headway from state to state.
MOST_REQUEUES = 100
WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
RUNNING = {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "STAGE_OUT", "SIGNALING", "RESIZING"}
FIELDS = "%i|%T|%N|%r|%j"


@dataclass(frozen=True)
class JobState:
    """What SLURM says of a job: its state in its own word, where it runs, why it waits or ended, and its name."""

    word: str
    node: str = ""
    reason: str = ""
    job_name: str = ""

    @property
    def runs(self) -> bool:
        """Whether it is on a node."""
        return self.word in RUNNING

    @property
    def waits(self) -> bool:
        """Whether it is to come."""
        return self.word in WAITING


def check_programs() -> None:
    """Check that this machine may submit.

    Raises:
        SeqlabError: SLURM's programs are not on the path, or its controller does not answer.
    """
    _ask("squeue", "--version")
    states()


def states() -> dict[str, JobState]:
    """Id → state of each of this user's jobs that SLURM still knows; of an array, each by itself.

    Raises:
        SeqlabError: SLURM does not answer.
    """
    listing = _ask("squeue", "--noheader", "--array", "--states=all", f"--user={os.getuid()}", f"--format={FIELDS}")
    found = {}
    for line in listing.splitlines():
        job_id, word, node, reason, name = [part.strip() for part in line.split("|", 4)]
        found[job_id] = JobState(word, node, reason, name)
    return found


def submission_ids(known: dict[str, JobState]) -> dict[str, str]:
    """Name of a submission's folder → its id, as far as SLURM knows."""
    return {
        state.job_name.removeprefix(JOB_NAME): job_id.partition("_")[0]
        for job_id, state in known.items()
        if state.job_name.startswith(JOB_NAME)
    }


def past_state(folder: Path, job_id: str) -> str:
    """The word for how a job ended that squeue has forgotten, from SLURM's accounting; "" where it keeps none."""
    from submitit import SlurmJob

    with warnings.catch_warnings():
        # Not every cluster keeps accounts.
        warnings.simplefilter("ignore")
        word = SlurmJob(folder, job_id).watcher.get_state(job_id, mode="force")
    # Such as CANCELLED by 1000.
    return "" if word == "UNKNOWN" else word.split(" ")[0]


def submit(folder: Path, functions: Sequence[Any], cluster: Cluster, most: int | None) -> str:
    """Submit what is to be called, each with its own job of one array; the array's id.

    Args:
        folder: Of the submission: pickles, logs.
        functions: Callables without arguments, with a method `checkpoint` that is called before the time is up.
        cluster: What each asks for.
        most: So many run at one time, whatever is free.

    Raises:
        SeqlabError: SLURM refuses; nothing is submitted then.
    """
    from submitit import SlurmExecutor
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    gpus = {"gpus_per_node": cluster.gpus} if cluster.gpus else {}
    try:
        executor = SlurmExecutor(folder, max_num_timeout=MOST_REQUEUES)
        executor.update_parameters(
            job_name=JOB_NAME + folder.name,
            partition=cluster.partition or None,
            time=minutes(cluster.time),
            cpus_per_task=cluster.cpus,
            mem=cluster.mem,
            setup=cluster.setup,
            signal_delay_s=SIGNAL_SECONDS,
            array_parallelism=most or len(functions),
            additional_parameters={"requeue": True, **cluster.options},
            **gpus,
        )
        with executor.batch():
            jobs = [executor.submit(function) for function in functions]
        return jobs[0].job_id.partition("_")[0]
    except (OSError, RuntimeError, FailedJobError, FailedSubmissionError, subprocess.SubprocessError) as error:
        raise SeqlabError(f"SLURM did not take the job: {error}") from None


def cancel(ids: Sequence[str]) -> None:
    """Cancel jobs; what runs is told first, and saves its state.

    Raises:
        SeqlabError: SLURM does not answer.
    """
    if ids:
        _ask("scancel", "--quiet", *ids)


def _ask(program: str, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, errors="replace", timeout=SECONDS, check=True
        )
    except FileNotFoundError:
        raise SeqlabError(
            f"--on slurm: there is no {program} here; run it on a machine of the cluster from which jobs are submitted"
        ) from None
    except subprocess.TimeoutExpired:
        raise SeqlabError(f"SLURM does not answer: {program} did not end within {SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        raise SeqlabError(f"SLURM: {error.stderr.strip() or error}") from None
    return done.stdout
