"""What `seqlab search` does, from the space to the page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seqlab.commands.search.finalists import Final, Finalist, decide
from seqlab.commands.search.objective import Objective, find_objective
from seqlab.commands.search.page import render_page
from seqlab.commands.search.report import conclusion, epochs_of
from seqlab.commands.search.runs import Known, Runs, Stopped
from seqlab.commands.search.space import Space, parse_space
from seqlab.commands.search.trials import Budget, Trials
from seqlab.commands.search.view import View
from seqlab.commands.sweep.command import check_sweep_name
from seqlab.commands.sweep.members import Member
from seqlab.commands.sweep.where import Where
from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.system.exit_status import EXIT_INTERRUPTED
from seqlab.tracking.home import find_home

PAGE = "search.html"
EARLY_STOPPING = "train.early_stopping_metric"


@dataclass(frozen=True)
class SearchOptions:
    """Of the command line.

    Attributes:
        name: Of the sweep whose members the trials are.
        metric: What is measured, of the validation set.
        trials: How many combinations are tried.
        round: How many of them are proposed at one time.
        seed: Of what is proposed.
        halving: Whether the better half of a round trains on, at a quarter and at half of the epochs.
        best: How many of the best are run with further seeds.
        seeds: How many further seeds, two or more.
        where: Where members run, and how many at one time.
        output: Folder of the page.
        dry_run: List the members of the next round, and run nothing.
    """

    name: str
    metric: str
    trials: int
    round: int
    seed: int
    halving: bool
    best: int
    seeds: int
    where: Where
    output: Path
    dry_run: bool


def run_search(
    start: Path,
    settings: Sequence[str],
    options: SearchOptions,
    *,
    say: Callable[[str], None],
) -> int:
    """Search, then run the best few with further seeds; return the exit status: 0, or 130 if it was interrupted.

    Args:
        start: A folder of the working copy.
        settings: The space, as `parse_space` takes it.
        options: Of the command line.
        say: Takes what people want to know.

    Raises:
        SeqlabError: the space or the metric is refused, before anything runs; every trial failed; a member failed by
            something else than its parameters; or DVC or MLflow refuses.
    """
    check_sweep_name(options.name)
    root = find_home(start).root
    objective = find_objective(options.metric)
    space = parse_space(root, settings, objective)
    budget = Budget(options.trials, options.round, options.seed, halving=options.halving)
    trials = Trials(root, space, objective, budget)
    runs = Runs(root, options.name, options.where, objective, say)
    search = _Search(options, objective, space, trials, runs, say)
    if options.dry_run:
        search.preview()
        return 0
    try:
        search.run()
    except (Stopped, KeyboardInterrupt):
        say(
            f"Search {options.name}: stopped after {len(trials.done)} of {options.trials} trials; "
            "the same command goes on"
        )
        return EXIT_INTERRUPTED
    return 0


@dataclass
class _Search:
    """A search under way."""

    options: SearchOptions
    objective: Objective
    space: Space
    trials: Trials
    runs: Runs
    say: Callable[[str], None]
    _said: set[str] = field(default_factory=set)

    def preview(self) -> None:
        """List the members that are next, of the first round that is not done."""
        if known := self._replay():
            self.say(f"{self._heading()}:")
            self.runs.preview(known.members)
            return
        self.say(f"all {len(self.trials.done)} trials are done; without --dry-run the best are run with further seeds")

    def run(self) -> None:
        """Run the rounds, then the best with further seeds; write the page whenever there is something new."""
        while known := self._replay():
            before = len(self.trials.done)
            self.trials.tell(self.runs.complete(known, self._heading()))
            if len(self.trials.done) > before:
                self._write(None)
        self._finish()

    def _replay(self) -> Known | None:
        """Tell what is done; return how far the first members are that are not, None after the last."""
        while members := self._propose():
            known = self.runs.known(members)
            if known.missing:
                return known
            self.trials.tell(known.outcomes)
        return None

    def _propose(self) -> list[Member]:
        """The members that are next; why combinations were refused is said once."""
        members = self.trials.propose()
        self._note_early_stopping(members)
        for why in self.trials.refusals:
            self._say_once(f"refused, and not tried: {why}")
        return members

    def _note_early_stopping(self, members: Sequence[Member]) -> None:
        """Say where the best epoch is picked by another metric than the one that is searched by."""
        picked, wanted = {each.params.train.early_stopping_metric for each in members}, self.objective.early_stopping
        if picked - {wanted} and EARLY_STOPPING not in self.space.distributions:
            self._say_once(
                f"note: {self.objective.label} is that of the best epoch, which {EARLY_STOPPING} picks by "
                f"{', '.join(sorted(picked))}; -S {EARLY_STOPPING}={wanted} picks it by {wanted}"
            )

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.say(text)

    def _finish(self) -> None:
        best = self.trials.best(self.options.best)
        if not best:
            failed = [each for each in self.trials.done if each.outcome.value is None]
            which = f"all {len(failed)} trials" if len(failed) == len(self.trials.done) else "all trials that went on"
            raise SeqlabError(f"no winner: {which} failed, the first: {failed[0].outcome.failure}")
        members = [self.trials.with_seeds(trial, self.options.seeds) for trial in best]
        flat = [member for seeds in members for member in seeds]
        heading = f"Best {len(best)}, {self.options.seeds} further seeds each"
        outcomes = self.runs.complete(self.runs.known(flat), heading)
        seeds = self.options.seeds
        found = [Finalist(trial, outcomes[at * seeds : (at + 1) * seeds]) for at, trial in enumerate(best)]
        view = self._write(decide(found, self.objective))
        done = [each.member for each in self.trials.done if each.outcome.value is not None]
        done += [member for member, outcome in zip(flat, outcomes, strict=True) if outcome.value is not None]
        self.runs.publish(done)
        self.say(conclusion(view, self.options.output / PAGE))

    def _write(self, final: Final | None) -> View:
        """Write the page of what there is so far; return what it shows."""
        view = View(self.options.name, self.objective, self.space, self.trials, self.options.seed, final)
        write_text(self.options.output / PAGE, render_page(view))
        return view

    def _heading(self) -> str:
        epochs = f", {epochs_of(self.trials.epochs)}" if self.trials.halving else ""
        return f"Round {self.trials.round + 1} of {-(-self.options.trials // self.options.round)}{epochs}"
