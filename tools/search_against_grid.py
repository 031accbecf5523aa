"""A search against a grid of as many trainings: python tools/search_against_grid.py [SEEDS].

Trains on the data of this working copy (`dvc repro tokenize` makes them), in this process, a member at a time on one
thread; prints Markdown: the best validation BLEU of each way, and the mean of its winner over further seeds.
"""

import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from seqlab.commands.search.finalists import Final, Finalist, decide
from seqlab.commands.search.objective import OBJECTIVES
from seqlab.commands.search.space import parse_space
from seqlab.commands.search.trials import Budget, Outcome, Trial, Trials
from seqlab.commands.sweep.members import Member, make_members
from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params, load_params
from seqlab.tracking.home import find_home

FIXED = ("train.epochs=3", "train.batch_size=32", "model.embedding_size=64", "runtime.threads=1")
# The same three parameters, between the same bounds.
GRID = ("train.learning_rate=0.001,0.01,0.1", "model.hidden_size=32,64", "model.attention=none,dot")
SPACE = ("train.learning_rate=log(1e-3,1e-1)", "model.hidden_size=32..64/16", "model.attention=none,dot")
BEST, FURTHER_SEEDS, ROUND = 3, 3, 4
BLEU = OBJECTIVES["bleu"]


def main() -> None:
    """Print the table for as many seeds of the search as the command line says, or five."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    root = find_home(Path.cwd()).root
    members = make_members(root, [*FIXED, *GRID])
    grid = [Trial(number, {}, each, outcome(each)) for number, each in enumerate(members, 1)]
    say(
        "| | best of "
        + f"{len(grid)} | its winner over {FURTHER_SEEDS} further seeds | winner |\n| --- | --- | --- | --- |"
    )
    say(row("grid", grid, finals(best(grid), [with_seeds(root, each.member) for each in best(grid)])))
    for seed in range(1, seeds + 1):
        trials = Trials(root, parse_space(root, [*FIXED, *SPACE], BLEU), BLEU, Budget(len(grid), ROUND, seed))
        while proposed := trials.propose():
            trials.tell([outcome(each) for each in proposed])
        further = [trials.with_seeds(each, FURTHER_SEEDS) for each in trials.best(BEST)]
        say(row(f"search, seed {seed}", trials.done, finals(trials.best(BEST), further)))


def best(trials: Sequence[Trial]) -> list[Trial]:
    """The best few of a grid, of equal ones the earlier first."""
    return sorted(trials, key=lambda each: -(each.outcome.value or 0.0))[:BEST]


def with_seeds(root: Path, member: Member) -> list[Member]:
    """A member of the grid with further seeds."""
    first = member.params.seed + 1
    return [make_members(root, [*member.settings, f"seed={first + more}"])[0] for more in range(FURTHER_SEEDS)]


def finals(trials: Sequence[Trial], further: Sequence[Sequence[Member]]) -> Final:
    """The best few, ranked by their means over further seeds."""
    found = [Finalist(trial, [outcome(each) for each in seeds]) for trial, seeds in zip(trials, further, strict=True)]
    return decide(found, BLEU)


def row(name: str, trials: Sequence[Trial], final: Final) -> str:
    """A row of the table."""
    winner, settings = final.winner, final.winner.trial.member.settings
    value = max(each.outcome.value or 0.0 for each in trials)
    searched = [each for each in settings if each not in FIXED]
    return f"| {name} | {value:.2f} | {winner.mean:.2f} ± {winner.deviation:.2f} | `{' '.join(searched)}` |"


def outcome(member: Member) -> Outcome:
    """Train a member, and read its validation BLEU; none where training diverges."""
    return Outcome(member.name, _bleu(member.params.model_dump_json()))


@cache
def _bleu(parameters: str) -> float | None:
    import json

    from seqlab.numerics import torch_setup
    from seqlab.scoring.tokenization import resolve
    from seqlab.seq2seq.engines.choice import choose
    from seqlab.training.continuation import Continuation
    from seqlab.training.run import train
    from seqlab.training.validation import Validation

    params = Params.model_validate_json(parameters)
    torch_setup(params.runtime)
    engine = choose(params.runtime.device, params.runtime.engine)
    tokenized = Path("data/tokenized")
    tokenize = resolve(params.evaluate.tokenize, params.corpus.target)
    validator = Validation.open(tokenized, Path("data/raw"), params.train.validation_max_length, tokenize, engine)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            train(
                params, tokenized=tokenized, models=folder / "models", reports=folder, checkpoints=folder / "states",
                fingerprint="0" * 64, continuation=Continuation(folder / "ended", "0" * 64), engine=engine,
                validator=validator,
            )  # fmt: skip
        except SeqlabError:
            return None
        return float(json.loads((folder / "training.json").read_text("utf-8"))["best"]["bleu"])


def say(line: str) -> None:
    """Print a line of the table as soon as it is known."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    from seqlab.numerics import configure

    # Before PyTorch is imported, which reads the environment once.
    configure(load_params(find_home(Path.cwd()).root / "params.yaml").runtime)
    main()
