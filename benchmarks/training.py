"""Training: ours beside the literal loop, the usual step-by-step decoder, and pure teacher forcing with stock modules.

GRU, hidden size and embedding 256, vocabulary 6,000, batch 128; sentences of 15 tokens, or of real lengths, of which
only real tokens count. All cases of a table run in turns in one process, with the same threads, allocator, optimizer
and clipping; `ours` and the references are given their batches, `trainer` is the training stage's whole loop: it also
reads its batches, takes digests, and tells the history, a progress bar and a journal. Peak memory is of the whole
process, of each case in a process of its own.

    python -m benchmarks.training [--quick] [--threads 2] [--repetitions 7] [--groups plain dot slower real]
"""

import argparse
from dataclasses import dataclass
from itertools import product
from typing import Any

from benchmarks.case import PRECISIONS, Case
from benchmarks.measure import in_child, say
from benchmarks.training_tables import Results, case_table, comparison_table

CHILD = "benchmarks.training_child"
# Steps for the share of the listeners: about as many as an epoch of Multi30k has, with its points of the step curves.
WATCHED_STEPS = 100


@dataclass(frozen=True)
class Group:
    """Cases that run in turns in one process."""

    title: str
    cases: tuple[Case, ...]
    steps: int
    real_lengths: bool = False


def beside_references(attention: str) -> tuple[Case, ...]:
    """Ours at all ratios and the references at theirs, in both precisions."""
    pairs = [
        *product(("ours",), (1.0, 0.5, 0.0)),
        *product(("trainer",), (1.0, 0.5)),
        *product(("step by step",), (1.0, 0.5)),
        ("teacher forcing", 1.0),
    ]
    cases = [Case(*pair, precision, attention) for precision in PRECISIONS for pair in pairs]
    return (*cases, Case("literal", 0.5, "float32", attention))


def slower_kinds() -> tuple[Case, ...]:
    """Additive attention and input feeding beside dot attention."""
    kinds = (("dot", False), ("additive", False), ("dot", True))
    ours = [Case("ours", ratio, p, *kind) for p in PRECISIONS for kind in kinds for ratio in (1.0, 0.5)]
    return (*ours, *(Case("step by step", 0.5, precision, "dot", True) for precision in PRECISIONS))


def real_lengths() -> tuple[Case, ...]:
    """The whole loop and the batched references, without attention and with it."""
    pairs = (("trainer", 1.0), ("trainer", 0.5), ("step by step", 0.5), ("teacher forcing", 1.0))
    return tuple(Case(*pair, p, kind) for p in PRECISIONS for kind in ("none", "dot") for pair in pairs)


GROUPS = {
    "plain": Group("Sentences of 15 tokens, no attention", beside_references("none"), 4),
    "dot": Group("Sentences of 15 tokens, dot attention", beside_references("dot"), 4),
    "slower": Group("Sentences of 15 tokens, what costs more", slower_kinds(), 4),
    "real": Group("Sentences of real lengths", real_lengths(), 16, real_lengths=True),
}


def main() -> None:
    """Measure the groups asked for, and print their tables."""
    arguments = _arguments()
    options = {"threads": arguments.threads, "granularity": arguments.granularity, "sentences": 16}
    say(f"## Training, {arguments.threads} threads, coins for each {arguments.granularity}")
    for name in arguments.groups:
        group = GROUPS[name]
        cases = list(group.cases)
        if arguments.quick:
            cases = [case for case in cases if case.precision == "float32"]
        measure(group, cases, arguments.repetitions, memory=not arguments.quick, options=options)
    if not arguments.quick:
        say(listeners(options))


def measure(group: Group, cases: list[Case], repetitions: int, *, memory: bool, options: dict[str, Any]) -> None:
    """Print the tables of a group."""
    steps = {"steps": group.steps, "real_lengths": group.real_lengths}
    request = options | steps | {"cases": [case.plain for case in cases]}
    found = in_child(CHILD, request | {"measure": "timed", "repetitions": repetitions})
    ran = [case for case in cases if case.name in found]
    peaks = {case.name: in_child(CHILD, request | {"measure": "peak", "cases": [case.plain]}) for case in ran if memory}
    results = Results(found, peaks)
    say(f"\n### {group.title}\n\n{results.roofs()} Median (lowest–highest) of {repetitions} × {group.steps} steps.\n")
    say(case_table(results, ran))
    say(f"\n{comparison_table(results, ran, real_lengths=group.real_lengths)}")


def listeners(options: dict[str, Any]) -> str:
    """The share of tracking, history and progress of a training's time, in words."""
    case = Case("trainer", 1.0, "float32", "none")
    request = {"measure": "listeners", "cases": [case.plain], "steps": WATCHED_STEPS, "real_lengths": True}
    found = in_child(CHILD, options | request)
    share = found["listeners"] / found["training"]
    return f"\nJournal, history and progress bar: {share:.3%} of {WATCHED_STEPS} steps' time (target: below 1 %)."


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--granularity", choices=("step", "token", "sequence"), default="step", help="of the coins")
    parser.add_argument("--groups", nargs="+", choices=tuple(GROUPS), default=tuple(GROUPS))
    parser.add_argument("--quick", action="store_true", help="float32 alone, no peak memory")
    return parser.parse_args()


if __name__ == "__main__":
    main()
