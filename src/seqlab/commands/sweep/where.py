"""Where the members of a sweep run, as people said."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

Place = Literal["local", "slurm"]
PLACES: tuple[Place, ...] = get_args(Place)


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
