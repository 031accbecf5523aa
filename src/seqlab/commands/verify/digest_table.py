"""The digests that trainings leave, and where two of them part."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from seqlab.core.errors import SeqlabError

# As in seqlab.training.digests, which would import PyTorch.
DIGESTS, NAMES = "digests", "names"


@dataclass(frozen=True)
class DigestTable:
    """The digests of a training: `rows[step][i]` is of tensor `names[i]`; step 0 is the initialisation."""

    names: tuple[str, ...]
    rows: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Difference:
    """The first optimizer step after which two trainings differ (0: the initialisation), and in which tensors."""

    step: int
    tensors: tuple[str, ...]


def read_digests(path: Path) -> DigestTable:
    """Read what `seqlab.training.digests` wrote.

    Raises:
        SeqlabError: the file is missing, damaged or something else.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            names = tuple(json.loads((file.metadata() or {})[NAMES]))
            rows = file.get_tensor(DIGESTS)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise SeqlabError(f"{path} is no table of digests ({error!r:.200}); `dvc repro` makes it anew") from None
    if rows.shape[1:] != (len(names),) or rows.dtype != np.int32 or not all(isinstance(n, str) for n in names):
        raise SeqlabError(f"{path} is no table of digests: {tuple(rows.shape)} figures for {len(names)} tensors")
    return DigestTable(names, rows)


def first_difference(first: DigestTable, second: DigestTable) -> Difference | None:
    """Where two trainings part; None where one is as the other, or goes on from where the other ended.

    Raises:
        ValueError: they are of other tensors.
    """
    if first.names != second.names:
        raise ValueError("models of other tensors")
    steps = min(len(first.rows), len(second.rows))
    differs = first.rows[:steps] != second.rows[:steps]
    if not differs.any():
        return None
    step = int(differs.any(axis=1).argmax())
    return Difference(
        step, tuple(name for name, other in zip(first.names, differs[step].tolist(), strict=True) if other)
    )
