"""BLEU over two parameters."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from seqlab.comparison.parameters import SEED, in_order, value_of
from seqlab.comparison.runs import ComparedRun

DEFAULT = ("train.teacher_forcing_ratio", "model.hidden_size")
# More rows or columns are no picture any more.
MAX_VALUES = 30


@dataclass(frozen=True)
class Cell:
    """The runs with one value of each parameter: how many, mean BLEU, and its standard deviation if there are two.

    `warmth` is where the mean lies between the lowest and the highest cell, 0–1.
    """

    runs: int
    mean: float
    deviation: float | None
    warmth: float


@dataclass(frozen=True)
class HeatMap:
    """BLEU by `down` (rows) and `across` (columns); a cell is None where there is no run.

    `others` are the parameters, besides the seed, that vary within a cell, so that its spread is not of seeds alone.
    """

    down: str
    across: str
    rows: list[tuple[str, list[Cell | None]]]
    columns: list[str]
    others: list[str]
    reason: str = ""


def heat_map(runs: Sequence[ComparedRun], down: str, across: str, differing: Sequence[str]) -> HeatMap:
    """Mean and spread of BLEU; no rows, and a `reason`, where there is nothing to see."""
    columns = in_order(value_of(run, across) for run in runs)
    names = in_order(value_of(run, down) for run in runs)
    if len(columns) * len(names) < 2:
        return HeatMap(down, across, [], [], [], "all runs have the same values of both; --heatmap chooses two others")
    if max(len(columns), len(names)) > MAX_VALUES:
        return HeatMap(down, across, [], [], [], f"more than {MAX_VALUES} values of one; --heatmap chooses two others")
    members: dict[tuple[str, str], list[ComparedRun]] = defaultdict(list)
    for run in runs:
        members[value_of(run, down), value_of(run, across)].append(run)
    means = {place: fmean(run.bleu for run in group) for place, group in members.items()}
    low, high = min(means.values()), max(means.values())

    def cell(place: tuple[str, str]) -> Cell | None:
        if place not in members:
            return None
        scores = [run.bleu for run in members[place]]
        warmth = (means[place] - low) / (high - low) if high > low else 0.5
        return Cell(len(scores), means[place], stdev(scores) if len(scores) > 1 else None, warmth)

    rows = [(name, [cell((name, column)) for column in columns]) for name in names]
    varying = [
        name
        for name in differing
        if name not in (down, across, SEED)
        and any(len({value_of(run, name) for run in group}) > 1 for group in members.values())
    ]
    return HeatMap(down, across, rows, columns, varying)
