"""A search, with and without halving, against a grid of as many trainings: python -m tools.search_against_grid.

Trains on the data of this working copy (`dvc repro tokenize` makes them), in this process, a member at a time on one
thread; prints Markdown: of each way the epochs that were computed before there were further seeds, the best validation
BLEU, and the mean of its winner over further seeds. With --record it writes down the validation of each epoch of a
grid instead, from which tests/commands/search/test_recorded.py plays searches.
"""

import csv
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from seqlab.commands.search.finalists import Final, Finalist, decide
from seqlab.commands.search.objective import OBJECTIVES
from seqlab.commands.search.space import parse_space
from seqlab.commands.search.trials import Budget, Trial, TrialResult, Trials, ranked
from seqlab.commands.sweep.grid import parse
from seqlab.commands.sweep.members import Member, make_members
from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params, load_params
from seqlab.results.parsing import parse_table
from seqlab.results.records import Epoch
from seqlab.tracking.fingerprint.canonical import digest
from seqlab.tracking.home import find_home

FIXED = ("train.epochs=4", "train.batch_size=32", "model.embedding_size=64", "runtime.threads=1")
# The same three parameters, between the same bounds.
GRID = ("train.learning_rate=0.001,0.01,0.1", "model.hidden_size=32,64", "model.attention=none,dot")
SPACE = ("train.learning_rate=log(1e-3,1e-1)", "model.hidden_size=32..64/16", "model.attention=none,dot")
BEST, FURTHER_SEEDS, ROUND = 3, 3, 4
BLEU = OBJECTIVES["bleu"]
# Curves cross where the learning rate of some falls faster.
RECORDED = (
    "train.epochs=8", "train.batch_size=32", "model.embedding_size=64", "runtime.threads=1",
    "train.learning_rate=0.002,0.005,0.012", "model.hidden_size=32,64", "model.attention=none,dot",
    "train.learning_rate_decay=0.6,0.9",
)  # fmt: skip


@click.command()
@click.option("--seeds", type=click.IntRange(min=1), default=5, show_default=True, help="Of the searches.")
@click.option("--record", type=click.Path(path_type=Path), help="Write the validation of each epoch of a grid here.")
def main(seeds: int, record: Path | None) -> None:
    """Print the table, or write the record."""
    root = find_home(Path.cwd()).root
    with tempfile.TemporaryDirectory(prefix="seqlab-search-") as name:
        if record is not None:
            write_record(root, record, Path(name))
        else:
            compare(root, seeds, Path(name))


def write_record(root: Path, path: Path, folder: Path) -> None:
    """Train a grid; write a row a member: what it sets, and its validation BLEU after each epoch, if it came so far."""
    trainings = Trainings(folder)
    varied = [parse(each).key_or_group for each in RECORDED if "," in each]
    with open(path, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        for number, member in enumerate(make_members(root, RECORDED)):
            values = dict(setting.split("=", 1) for setting in member.settings)
            if number == 0:
                rows.writerow([*varied, *range(1, member.params.train.epochs + 1)])
            rows.writerow([*(values[name] for name in varied), *(trainings.curve(member) or ())])
            file.flush()


def compare(root: Path, seeds: int, folder: Path) -> None:
    """Print the table for so many seeds of the search."""
    members = make_members(root, [*FIXED, *GRID])
    say("| | epochs | best | its winner over further seeds | winner |\n| --- | --- | --- | --- | --- |")
    trainings = Trainings(folder / "grid")
    grid = [Trial(number, {}, each, trainings.outcome(each)) for number, each in enumerate(members, 1)]
    epochs = trainings.epochs
    best = ranked(grid, BLEU)[:BEST]
    further = [with_seeds(root, each.member) for each in best]
    say(row("grid", epochs, best, finals(best, further, trainings.outcome)))
    for seed in range(1, seeds + 1):
        for halving in (False, True):
            # Of their own, so that each way computes what it needs.
            trainings = Trainings(folder / f"{seed}{halving}")
            budget = Budget(len(grid), ROUND, seed, halving=halving)
            trials = Trials(root, parse_space(root, [*FIXED, *SPACE], BLEU), BLEU, budget)
            while proposed := trials.propose():
                trials.tell([trainings.outcome(each) for each in proposed])
            epochs, chosen = trainings.epochs, trials.best(BEST)
            final = finals(chosen, [trials.with_seeds(each, FURTHER_SEEDS) for each in chosen], trainings.outcome)
            say(row(f"search, seed {seed}" + (", halving" if halving else ""), epochs, chosen, final))


def with_seeds(root: Path, member: Member) -> list[Member]:
    """A member of the grid with further seeds."""
    first = member.params.seed + 1
    return [make_members(root, [*member.settings, f"seed={first + more}"])[0] for more in range(FURTHER_SEEDS)]


def finals(
    trials: Sequence[Trial], further: Sequence[Sequence[Member]], outcome: Callable[[Member], TrialResult]
) -> Final:
    """The best few, ranked by their means over further seeds."""
    found = [Finalist(trial, [outcome(each) for each in seeds]) for trial, seeds in zip(trials, further, strict=True)]
    return decide(found, BLEU)


def row(name: str, epochs: int, chosen: Sequence[Trial], final: Final) -> str:
    """A row of the table."""
    winner = final.winner
    searched = [each for each in winner.trial.member.settings if each not in FIXED]
    return (
        f"| {name} | {epochs} | {chosen[0].outcome.value:.2f} | {winner.mean:.2f} ± {winner.deviation:.2f} | "
        f"`{' '.join(searched)}` |"
    )


@dataclass
class Trainings:
    """Trainings in this process, each once, longer ones going on from shorter ones; `epochs` were computed."""

    folder: Path
    epochs: int = 0
    _done: dict[str, list[float] | None] = field(default_factory=dict)

    def outcome(self, member: Member) -> TrialResult:
        """Train a member, and read its validation BLEU; none where training diverges."""
        curve = self.curve(member)
        if curve is None:
            return TrialResult(member.name, None, "training diverged")
        return TrialResult(member.name, max(curve), epochs=len(curve))

    def curve(self, member: Member) -> list[float] | None:
        """Train a member; its validation BLEU after each epoch."""
        key = member.params.model_dump_json()
        if key not in self._done:
            try:
                self._train(member.params)
                rows = parse_table((self.folder / "curves/curves.csv").read_bytes(), Epoch)
                self._done[key] = [each.valid_bleu or 0.0 for each in rows]
            except SeqlabError:
                self._done[key] = None
        return self._done[key]

    def _train(self, params: Params) -> None:
        from seqlab.training.stage import train_stage

        train_stage(
            params,
            data=Path("data"),
            models=self.folder / "models",
            reports=self.folder / "curves",
            checkpoints=self.folder / "states",
            fingerprint=digest(params.model_dump()),
            continuation=_without_epochs(params),
            listeners=[self._count],
        )

    def _count(self, event: object) -> None:
        from seqlab.training.events import EpochFinished

        self.epochs += isinstance(event, EpochFinished)


def _without_epochs(params: Params) -> str:
    """What trainings have in common that differ in their number of epochs alone."""
    content = params.model_dump()
    del content["train"]["epochs"]
    return digest(content)


def say(line: str) -> None:
    """Print a line of the table as soon as it is known."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    from seqlab.numerics import configure

    # Before PyTorch is imported, which reads the environment once.
    configure(load_params(find_home(Path.cwd()).root / "params.yaml").runtime)
    main()
