"""What the three files show, gathered once."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqlab.comparison.analysis import Analysis, Verdict, analyse
from seqlab.comparison.artifacts import TRANSLATIONS, Files
from seqlab.comparison.comparable import counted
from seqlab.comparison.contrasts import Contrast, contrasts
from seqlab.comparison.heat_map import DEFAULT, HeatMap, heat_map
from seqlab.comparison.parameters import check_parameters, split_parameters
from seqlab.comparison.reading import read_counts, read_translations
from seqlab.comparison.runs import ComparedRun
from seqlab.comparison.seeds import SeedGroup, seed_groups
from seqlab.comparison.series import highlighted
from seqlab.comparison.task_metrics import Metric, measured
from seqlab.errors import SeqlabError
from seqlab.scoring.bleu_counts import Counts
from seqlab.scoring.bleu_scores import bleu
from seqlab.scoring.significance import Interval

# A run's translations give its score again, but for the rounding of its points.
TOLERANCE = 0.005
# Of a refusal, this many reasons.
NOTES = 10


@dataclass(frozen=True)
class View:
    """The content of a comparison: runs by BLEU, best first, and their files; `chosen` runs stand out."""

    runs: list[ComparedRun]
    files: list[Files]
    commit_pages: list[str]
    notes: list[str]
    differing: list[str]
    constants: dict[str, str]
    analysis: Analysis
    groups: list[SeedGroup]
    heat: HeatMap
    chosen: list[int]
    contrasts: list[Contrast]
    sentences: int

    @property
    def best(self) -> ComparedRun:
        """The run with the highest BLEU."""
        return self.runs[0]

    @property
    def indistinct(self) -> list[int]:
        """The runs that can't be told from the best."""
        return [place for place, verdict in enumerate(self.analysis.against_best, 1) if not verdict.distinct]

    @property
    def task_metrics(self) -> list[Metric]:
        """Metrics that at least one run has, but not every run."""
        return measured(self.runs)

    def interval(self, place: int) -> Interval:
        """Of a run's BLEU."""
        return self.analysis.intervals[place]

    def verdict(self, place: int) -> Verdict | None:
        """A run against the best; None for the best itself."""
        return self.analysis.against_best[place - 1] if place else None


def gather(
    runs: Sequence[ComparedRun],
    files: dict[str, Files],
    notes: Sequence[str],
    pages: dict[str, str],
    heat: tuple[str, str] | None,
) -> View:
    """Analyse comparable runs, best first; `files` and `pages` (of commits) by run id; `heat`: two
    parameters, None for the usual ones.

    Runs whose translations are missing, damaged, or not those that were scored are left out, with a note.

    Raises:
        SeqlabError: fewer than two runs are left; `heat` names a parameter that no run has; a file is damaged.
    """
    kept, counts, more = _readable(runs, files)
    if len(kept) < 2:
        raise SeqlabError(
            "\n".join(
                [f"fewer than two runs to compare: {len(kept)}", *(f"  {note}" for note in [*notes, *more][:NOTES])]
            )
        )
    check_parameters(heat or (), kept)
    differing, constants = split_parameters(kept)
    analysis = analyse(counts)
    chosen = highlighted(len(kept))
    return View(
        runs=kept,
        files=[files[run.id] for run in kept],
        commit_pages=[pages.get(run.tags.get("commit", ""), "") for run in kept],
        notes=[*notes, *more],
        differing=differing,
        constants=constants,
        analysis=analysis,
        groups=seed_groups(kept, analysis.intervals, differing),
        heat=heat_map(kept, *(heat or DEFAULT), differing),
        chosen=chosen,
        contrasts=contrasts([read_translations(files[kept[place].id][TRANSLATIONS]) for place in chosen]),
        sentences=len(counts[0]),
    )


def _readable(
    runs: Sequence[ComparedRun], files: dict[str, Files]
) -> tuple[list[ComparedRun], list[Counts], list[str]]:
    """The runs with what BLEU counts in their translations, and notes on those that are left out."""
    here = [run for run in runs if TRANSLATIONS in files[run.id]]
    without = [run.name for run in runs if TRANSLATIONS not in files[run.id]]
    notes = [f"{counted(without)} left out: no {TRANSLATIONS} to be found"] if without else []
    kept, counts = [], []
    found = read_counts([files[run.id][TRANSLATIONS] for run in here], here[0].signature) if here else []
    for run, result in zip(here, found, strict=True):
        if isinstance(result, str):
            notes.append(f"{run.name} left out: {result}")
        elif abs((score := float(bleu(result.sum(axis=0)))) - run.bleu) > TOLERANCE:
            notes.append(f"{run.name} left out: its score is {run.bleu:.2f}, its translations give {score:.2f}")
        else:
            kept.append(run)
            counts.append(result)
    return kept, counts, notes
