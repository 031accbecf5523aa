"""How a search ended, in a few lines."""

from pathlib import Path

from seqlab.commands.search.finalists import Final
from seqlab.commands.search.view import View
from seqlab.significance.paired_test import LEVEL


def conclusion(view: View, page: Path) -> str:
    """The winner with its spread over seeds, whether the others can be told from it, and where to look."""
    if view.final is None:
        raise ValueError("the search has not ended")
    winner = view.final.winner
    counts = [f"{len(view.trials.done)} trials", f"{len(view.failed)} failed"]
    counts += [f"{len(view.pruned)} fell behind"] if view.trials.halving else []
    counts += [f"{len(view.trials.refused)} combinations refused"] if view.trials.refused else []
    when = f", after {epochs_of(view.trials.rungs[0])}" if view.trials.halving else ""
    importances = ", ".join(f"{name} {100 * share:.0f} %" for name, share in view.importances.items())
    return "\n".join(
        [
            f"Search {view.name}: {', '.join(counts)}",
            f"Winner   {winner.trial.outcome.name}, {view.objective.label} {view.spread(winner)} over "
            f"{len(winner.values)} further seeds",
            f"         (with the search's own seed, which chose it, {view.value(winner.trial.outcome.value)})",
            f"         {verdict(view.final)}",
            *([f"Matters  {importances} of the variance (functional ANOVA{when})"] if importances else []),
            *([f"Epochs   {view.saving}"] if view.saving else []),
            f"Take it  dvc exp apply {winner.trial.outcome.name}",
            f"Page     {page}",
        ]
    )


def epochs_of(count: int) -> str:
    """So many epochs, in words."""
    return f"{count} epoch" if count == 1 else f"{count} epochs"


def verdict(final: Final) -> str:
    """Whether the winner's lead is more than seeds make."""
    if len(final.finalists) == 1:
        return "nothing else was run with further seeds"
    said = [_against(len(final.behind), len(final.indistinct), len(final.untested))] if final.behind else []
    if final.ahead:
        said.append(f"{len(final.ahead)} whose seeds failed did better with the others")
    return "; ".join(said)


def _against(others: int, alike: int, untested: int) -> str:
    test = "Welch's t-test over seeds, corrected"
    if not alike:
        which = "the other" if others == 1 else "every other of the best"
        return f"{which} is worse by more than seeds make ({test} p < {LEVEL})"
    which = "the other" if others == 1 else f"{alike} of the {others} others of the best"
    if alike == untested:
        return f"{which} was not tested: no spread over seeds"
    beside = f"; {untested} of these not tested: no spread over seeds" if untested else ""
    return (
        f"{which} can't be told from it: the difference is within the spread over seeds ({test} p >= {LEVEL}){beside}"
    )
