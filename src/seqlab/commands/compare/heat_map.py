"""BLEU, or what else the corpus is measured by, over two parameters."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev

from seqlab.commands.compare.parameters import SEED, in_order, sort_key, value_of
from seqlab.commands.compare.runs import ComparedRun

# Of parameters with as many values, the first of these are the axes.
PREFERRED = ("train.teacher_forcing_ratio", "model.hidden_size")
# More rows or columns are no picture any more, and of more maps nobody compares two.
MAX_VALUES = 30
MAX_MAPS = 6


@dataclass(frozen=True)
class Cell:
    """The runs with one value of each parameter: how many, mean score, and its standard deviation if there are two.

    `warmth` is where the mean lies between the lowest and the highest cell, 0–1.
    """

    runs: int
    mean: float
    deviation: float | None
    warmth: float


@dataclass(frozen=True)
class HeatMap:
    """Scores by `down` (rows) and `across` (columns); a cell is None where there is no run.

    `others` are the parameters, besides the seed, that vary within a cell, so that its spread is not of seeds alone.
    `where` are the values that the runs of this map, one of several, have in common.
    """

    down: str
    across: str
    rows: list[tuple[str, list[Cell | None]]]
    columns: list[str]
    others: list[str]
    reason: str = ""
    where: dict[str, str] = field(default_factory=dict)


def axes(runs: Sequence[ComparedRun], differing: Sequence[str]) -> tuple[str, str]:
    """The two parameters that vary most among these runs; the seed only beside a single one."""
    numbers = {name: len({value_of(run, name) for run in runs}) for name in (*differing, *PREFERRED)}
    varying = sorted(
        (name for name in differing if name != SEED and numbers[name] <= MAX_VALUES),
        key=lambda name: (-numbers[name], PREFERRED.index(name) if name in PREFERRED else len(PREFERRED), name),
    )
    beside = [SEED] if SEED in differing and numbers[SEED] <= MAX_VALUES else []
    down, across, *_ = list(dict.fromkeys([*varying[:2], *beside, *PREFERRED]))
    return down, across


def heat_maps(runs: Sequence[ComparedRun], chosen: tuple[str, str] | None, differing: Sequence[str]) -> list[HeatMap]:
    """Scores over the `chosen` parameters, None: those that vary most; a map for each value of what varies besides.

    So no mean hides what another parameter does, unless that took more than MAX_MAPS maps: then there is one, which
    says what varies within its cells. All have one scale of warmth.
    """
    down, across = chosen or axes(runs, differing)
    whole = heat_map(runs, down, across, differing)
    groups: dict[tuple[str, ...], list[ComparedRun]] = defaultdict(list)
    for run in runs:
        groups[tuple(value_of(run, name) for name in whole.others)].append(run)
    if len(groups) < 2 or len(groups) > MAX_MAPS:
        return [whole]
    ordered = sorted(groups.items(), key=lambda item: [sort_key(value) for value in item[0]])
    maps = [heat_map(group, down, across, differing) for _, group in ordered]
    means = [cell.mean for each in maps for _, cells in each.rows for cell in cells if cell]
    if not all(each.rows for each in maps):
        return [whole]
    return [
        _rescaled(each, min(means), max(means), dict(zip(whole.others, values, strict=True)))
        for each, (values, _) in zip(maps, ordered, strict=True)
    ]


def heat_map(runs: Sequence[ComparedRun], down: str, across: str, differing: Sequence[str]) -> HeatMap:
    """Mean and spread of the scores; no rows, and a `reason`, where there is nothing to see."""
    columns = in_order(value_of(run, across) for run in runs)
    names = in_order(value_of(run, down) for run in runs)
    if len(columns) * len(names) < 2:
        return HeatMap(down, across, [], [], [], "all runs have the same values of both; --heatmap chooses two others")
    if max(len(columns), len(names)) > MAX_VALUES:
        return HeatMap(down, across, [], [], [], f"more than {MAX_VALUES} values of one; --heatmap chooses two others")
    members: dict[tuple[str, str], list[ComparedRun]] = defaultdict(list)
    for run in runs:
        members[value_of(run, down), value_of(run, across)].append(run)
    means = {place: fmean(run.score for run in group) for place, group in members.items()}
    low, high = min(means.values()), max(means.values())

    def cell(place: tuple[str, str]) -> Cell | None:
        if place not in members:
            return None
        scores = [run.score for run in members[place]]
        warmth = _warmth(means[place], low, high)
        return Cell(len(scores), means[place], stdev(scores) if len(scores) > 1 else None, warmth)

    rows = [(name, [cell((name, column)) for column in columns]) for name in names]
    varying = [
        name
        for name in differing
        if name not in (down, across, SEED)
        and any(len({value_of(run, name) for run in group}) > 1 for group in members.values())
    ]
    return HeatMap(down, across, rows, columns, varying)


def _warmth(mean: float, low: float, high: float) -> float:
    return (mean - low) / (high - low) if high > low else 0.5


def _rescaled(of: HeatMap, low: float, high: float, where: dict[str, str]) -> HeatMap:
    def cell(old: Cell | None) -> Cell | None:
        return old and replace(old, warmth=_warmth(old.mean, low, high))

    return replace(of, rows=[(name, list(map(cell, cells))) for name, cells in of.rows], where=where)
