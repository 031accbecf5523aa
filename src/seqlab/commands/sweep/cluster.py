"""cluster.yaml: what a member of a sweep asks of the cluster."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError

from seqlab.core.errors import SeqlabError
from seqlab.params.problems import problems
from seqlab.params.schema import Section
from seqlab.params.yaml import read_yaml

CLUSTER = "cluster.yaml"
TIME = re.compile(r"(?:(?P<days>\d+)-(?P<hours>\d+)(?::(?P<minutes>\d+)(?::(?P<seconds>\d+))?)?)")
CLOCK = re.compile(r"(?:(?P<hours>\d+):(?=\d+:))?(?P<minutes>\d+)(?::(?P<seconds>\d+))?")
MEMORY = re.compile(r"\d+[KMGT]?")
# The settings above have these, and submitit or the sweep itself sets the others.
TAKEN = {
    *("partition", "time", "cpus-per-task", "gpus", "gpus-per-node", "mem", "array", "job-name", "output", "error"),
    *("nodes", "ntasks", "ntasks-per-node", "open-mode", "requeue", "no-requeue", "signal", "wckey", "export"),
}
OPTION = re.compile(r"[a-z][a-z-]*")


def minutes(time: str) -> int:
    """A time as sbatch takes it, in whole minutes, rounded up.

    Raises:
        ValueError: it is none, or less than a minute.
    """
    found = TIME.fullmatch(time) or CLOCK.fullmatch(time)
    if found is None:
        raise ValueError(f"expected minutes, hours:minutes:seconds or days-hours:minutes:seconds, not {time!r:.40}")
    parts = {name: int(value or 0) for name, value in found.groupdict().items()}
    seconds = ((parts.get("days", 0) * 24 + parts["hours"]) * 60 + parts["minutes"]) * 60 + parts["seconds"]
    if seconds < 60:
        raise ValueError(f"a member needs at least a minute, not {time!r:.40}")
    return -(-seconds // 60)


def _time(time: str) -> str:
    minutes(time)
    return time


def _memory(memory: str) -> str:
    if not MEMORY.fullmatch(memory):
        raise ValueError(f"expected a number of megabytes, or one with K, M, G or T, such as 4G, not {memory!r:.40}")
    return memory


def _options(options: dict[str, str | int]) -> dict[str, str | int]:
    for name, value in options.items():
        if not OPTION.fullmatch(name):
            raise ValueError(f"{name!r:.40} is no long option of sbatch; write it without the dashes before it")
        if name in TAKEN:
            raise ValueError(f"{name} is not for this list: seqlab sets it, or a setting of {CLUSTER} does")
        if isinstance(value, str) and not value.isprintable():
            raise ValueError(f"{name}: the value has characters that do not print")
    return options


def _lines(lines: list[str]) -> list[str]:
    if any(not line.isprintable() for line in lines):
        raise ValueError("a line has characters that do not print")
    return lines


class Cluster(Section):
    """The settings of cluster.yaml."""

    partition: str = Field(default="", pattern=r"^[\w.,-]*$", description="Partition; empty: the cluster's default.")
    time: Annotated[str, AfterValidator(_time)] = Field(
        default="1:00:00",
        description="Time that a member may run before it is requeued, and goes on: minutes, hours:minutes:seconds, "
        "days-hours:minutes:seconds.",
    )
    cpus: int = Field(
        default=1, ge=1, description="CPUs of a member; its runtime.threads, which are 1 in a sweep, compute on them."
    )
    gpus: int = Field(default=0, ge=0, description="GPUs of a member; runtime.device: cuda needs 1.")
    mem: Annotated[str, AfterValidator(_memory)] = Field(default="4G", description="Memory of a member.")
    options: Annotated[dict[str, str | int], AfterValidator(_options)] = Field(
        default={}, description="Further options of sbatch, such as {account: nlp, constraint: avx512}."
    )
    setup: Annotated[list[str], AfterValidator(_lines)] = Field(
        default=[], description="Lines of shell that a node runs before a member, such as [module load git]."
    )
    scratch: str = Field(
        default="",
        description="Folder on the node for a member's clone, with the node's variables; empty: $SLURM_TMPDIR, "
        "$TMPDIR or /tmp.",
    )


def load_cluster(root: Path) -> Cluster:
    """The settings of working copy `root`; those that cluster.yaml does not have, or all without it, by default.

    Raises:
        SeqlabError: it is not YAML, or a setting is unknown or refused; the message names each.
    """
    path = root / CLUSTER
    content = read_yaml(path) if path.is_file() else {}
    if not isinstance(content, dict | None):
        raise SeqlabError(f"{path}: expected settings such as `time: 1:00:00`, not {content!r:.80}")
    try:
        return Cluster.model_validate(content or {})
    except ValidationError as error:
        lines = "\n".join(f"  {problem}" for problem in problems(error, Cluster))
        raise SeqlabError(f"{path}:\n{lines}") from None
