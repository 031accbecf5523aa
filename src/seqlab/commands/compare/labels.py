"""What runs are called where they stand side by side: by what tells them from one another."""

from collections import Counter
from collections.abc import Sequence

from seqlab.commands.compare.parameters import SEED, value_of
from seqlab.commands.compare.runs import ComparedRun
from seqlab.pages.visible import clip

# A value in a label; the tables have it whole.
MAX_VALUE = 24


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Each parameter's last name, such as `attention`; the whole where two have the same."""
    last = Counter(name.rpartition(".")[2] for name in names)
    return {name: short if last[short := name.rpartition(".")[2]] == 1 else name for name in names}


def run_labels(runs: Sequence[ComparedRun], differing: Sequence[str]) -> list[str]:
    """A label for each run, such as `attention dot, seed 2`: the parameters that tell these runs apart, seed included.

    A parameter that tells no two runs apart which those before it don't is left out. Runs that no parameter tells
    apart (other code, other data) have their name added.
    """
    kept = _distinguishing(runs, differing)
    labels = [_label(run, kept) for run in runs]
    times = Counter(labels)
    return [
        label if label and times[label] == 1 else " ".join(filter(None, [label, f"({run.name})"]))
        for run, label in zip(runs, labels, strict=True)
    ]


def recipe_labels(runs: Sequence[ComparedRun], recipes: Sequence[Sequence[int]], differing: Sequence[str]) -> list[str]:
    """Likewise for each recipe, whose runs (places in `runs`) differ by their seed alone."""
    firsts = [runs[places[0]] for places in recipes]
    return run_labels(firsts, [name for name in differing if name != SEED])


def _distinguishing(runs: Sequence[ComparedRun], differing: Sequence[str]) -> list[str]:
    kept: list[str] = []
    groups: list[tuple[str, ...]] = [()] * len(runs)
    for name in differing:
        finer = [(*group, value_of(run, name)) for group, run in zip(groups, runs, strict=True)]
        if len(set(finer)) > len(set(groups)):
            kept.append(name)
            groups = finer
    return kept


def _label(run: ComparedRun, names: Sequence[str]) -> str:
    shown = short_names(names)
    return ", ".join(f"{clip(shown[name], MAX_VALUE)[0]} {clip(value_of(run, name), MAX_VALUE)[0]}" for name in names)
