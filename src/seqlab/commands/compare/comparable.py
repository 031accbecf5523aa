"""Which runs' scores may stand side by side: same test set, same tokenization, same signature."""

from collections import defaultdict
from collections.abc import Sequence

from seqlab.commands.compare.runs import ComparedRun
from seqlab.core.errors import SeqlabError
from seqlab.tracking.publishing.tags import NUMERICS_CLASS, SIGNATURE, TEST_SET_DIGEST

NAMED = 3
# Of a numerics class, what parameters ask for.
ASKED = ("device", "threads", "numerics")


def scored(runs: Sequence[ComparedRun]) -> tuple[list[ComparedRun], list[str]]:
    """The runs that have a score of the test set by their measure, and a note on those that have none."""
    kept = [run for run in runs if run.measure.point in run.metrics]
    left_out = [run.name for run in runs if run.measure.point not in run.metrics]
    return kept, [f"{counted(left_out)} left out: no score of a test set yet"] if left_out else []


def comparable(runs: Sequence[ComparedRun], *, chosen: bool) -> tuple[list[ComparedRun], list[str]]:
    """The runs whose scores measure the same, and a note on those that are left out.

    Of runs that were `chosen`, by name or by a filter, none is left out. Of all runs of an experiment, those that
    measure what most of them do are kept: everybody may add another, and that must stop nobody.

    Raises:
        SeqlabError: as `check_comparable`, of chosen runs, or where no group is more than half of all.
    """
    largest = max(_groups(runs).values(), key=len, default=[])
    if chosen or 2 * len(largest) <= len(runs):
        check_comparable(runs)
        return list(runs), []
    kept = {run.id for run in largest}
    others = [run.name for run in runs if run.id not in kept]
    what = f"another test set or signature than most runs have; --filter chooses others than {_filter(largest[0])}"
    return largest, [f"{counted(others)} left out: {what}"] if others else []


def _groups(runs: Sequence[ComparedRun]) -> dict[tuple[str, str, str], list[ComparedRun]]:
    """The runs by test set, signature, and key of the measure that this is of."""
    groups: dict[tuple[str, str, str], list[ComparedRun]] = defaultdict(list)
    for run in runs:
        groups[run.test_set, run.signature, run.measure.key].append(run)
    return groups


def check_comparable(runs: Sequence[ComparedRun]) -> None:
    """Refuse scores that do not measure the same.

    Raises:
        SeqlabError: the runs' test sets or signatures differ; names the groups, and how to choose one of them.
    """
    groups = _groups(runs)
    if len(groups) < 2:
        return
    tests, signatures = {group[0] for group in groups}, {group[1:] for group in groups}
    what = " and ".join(
        name for name, kinds in (("test sets", tests), (f"{_measures(runs)} signatures", signatures)) if len(kinds) > 1
    )
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    lines = [f"  {counted([run.name for run in members])}: {_described(*group[:2])}" for group, members in ordered]
    raise SeqlabError(
        "\n".join(
            [
                f"these runs' scores can't be compared, because their {what} differ:",
                *lines,
                "choose one group by naming its runs, or by --filter, as here the largest:",
                f"  {_filter(ordered[0][1][0])}",
            ]
        )
    )


def _measures(runs: Sequence[ComparedRun]) -> str:
    return " and ".join(dict.fromkeys(run.measure.label for run in runs))


def mixed_numerics(runs: Sequence[ComparedRun]) -> list[str]:
    """A note where runs that were to be computed alike come from machines that compute otherwise.

    What was asked for (device, threads, numerics) is a parameter like others; the rest is the machine's.
    """
    classes: dict[tuple[str, ...], set[tuple[tuple[str, str], ...]]] = defaultdict(set)
    for run in runs:
        parts = [part.partition(" ") for part in run.tags.get(NUMERICS_CLASS, "").split(", ") if part]
        asked = tuple(value for name, _, value in parts if name in ASKED)
        classes[asked].add(tuple((name, value) for name, _, value in parts if name not in ASKED))
    mixed = {pair for found in classes.values() if len(found) > 1 for pair in set.union(*map(set, found))}
    shared = {pair for found in classes.values() if len(found) > 1 for pair in set.intersection(*map(set, found))}
    if not mixed:
        return []
    different = ", ".join(f"{name} {value}" for name, value in sorted(mixed - shared)) or "unknown of some"
    return [
        f"these runs come from machines of different numerics classes ({different}): the same recipe gives other bytes "
        "there, and a score that differs in its last digits (docs/numerics.md)"
    ]


def _described(test_set: str, signature: str) -> str:
    return f"test set {test_set[:12] or 'unknown'}, signature {signature or 'unknown'}"


def _filter(run: ComparedRun) -> str:
    tags = {name: run.tags[name] for name in (TEST_SET_DIGEST, f"{SIGNATURE}{run.measure.key}") if name in run.tags}
    return '--filter "' + " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items()) + '"'


def counted(names: Sequence[str]) -> str:
    """How many runs, and the names of some."""
    shown = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    return f"{len(names)} run{'' if len(names) == 1 else 's'} ({shown})"
