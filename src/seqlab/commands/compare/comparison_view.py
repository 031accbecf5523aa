"""What the three files show, gathered once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from seqlab.commands.compare.analysis import Analysis, RunVerdict, analyse
from seqlab.commands.compare.comparable import counted
from seqlab.commands.compare.contrasts import Contrast, contrasts
from seqlab.commands.compare.heat_map import HeatMap, heat_maps
from seqlab.commands.compare.labels import recipe_labels, run_labels
from seqlab.commands.compare.parameters import check_parameters, split_parameters
from seqlab.commands.compare.reading import read_counts, read_translations
from seqlab.commands.compare.run_files import Files
from seqlab.commands.compare.runs import ComparedRun
from seqlab.commands.compare.seeds import SeedGroup, recipes, seed_groups
from seqlab.commands.compare.series import highlighted, without_damaged
from seqlab.core.errors import SeqlabError
from seqlab.results.metrics import Metric, compared
from seqlab.results.paths import TRANSLATIONS
from seqlab.significance.bleu_counts import Counts
from seqlab.significance.measures import SCORES
from seqlab.significance.paired_test import Interval
from seqlab.significance.recipe_test import RecipeVerdict, verdicts
from seqlab.system.addresses import stripped

# A run's translations give its score again, but for the rounding of its points.
TOLERANCE = 0.005
# Of a refusal, this many reasons.
NOTES = 10


@dataclass(frozen=True)
class ComparisonView:
    """The content of a comparison: runs, best first, with their labels and files; `chosen` runs stand out.

    `recipes` are the places of the runs that differ by seed alone, best mean first; `groups` those with several seeds,
    with a verdict for each but the best.
    """

    runs: list[ComparedRun]
    labels: list[str]
    files: list[Files]
    commit_pages: list[str]
    notes: list[str]
    differing: list[str]
    constants: dict[str, str]
    analysis: Analysis
    recipes: list[list[int]]
    recipe_labels: list[str]
    groups: list[SeedGroup]
    recipe_verdicts: list[RecipeVerdict]
    heats: list[HeatMap]
    chosen: list[int]
    chosen_recipes: list[int]
    contrasts: list[Contrast]
    sentences: int

    @property
    def measure(self) -> Metric:
        """What the runs, all of one test set, are measured by."""
        return self.runs[0].measure

    @property
    def best(self) -> ComparedRun:
        """The run with the highest score."""
        return self.runs[0]

    @property
    def indistinct(self) -> list[int]:
        """The runs that can't be told from the best."""
        return [place for place, verdict in enumerate(self.analysis.against_best, 1) if not verdict.distinct]

    @property
    def indistinct_recipes(self) -> list[SeedGroup]:
        """The recipes with several seeds that can't be told from the best of them."""
        verdicts = zip(self.groups[1:], self.recipe_verdicts, strict=True)
        return [group for group, verdict in verdicts if not verdict.distinct]

    def recipe_verdict(self, place: int) -> RecipeVerdict | None:
        """A recipe of `groups` against the best; None for the best itself."""
        return self.recipe_verdicts[place - 1] if place else None

    @cached_property
    def metrics(self) -> list[Metric]:
        """Those beside the measure that at least one run has."""
        return compared((name for run in self.runs for name in run.metrics), self.measure)

    def interval(self, place: int) -> Interval:
        """Of a run's score."""
        return self.analysis.intervals[place]

    def verdict(self, place: int) -> RunVerdict | None:
        """A run against the best; None for the best itself."""
        return self.analysis.against_best[place - 1] if place else None


def gather(
    runs: Sequence[ComparedRun],
    files: dict[str, Files],
    notes: Sequence[str],
    pages: dict[str, str],
    heat: tuple[str, str] | None,
) -> ComparisonView:
    """Analyse comparable runs, best first; `files` and `pages` (of commits) by run id; `heat`: two
    parameters, None for those that vary most.

    Runs whose translations are missing, damaged, or not those that were scored are left out, with a note; of others,
    files that no curve can be drawn of.

    Raises:
        SeqlabError: fewer than two runs are left; `heat` names a parameter that no run has.
    """
    kept, counts, more = _readable(runs, files)
    drawn = {run.id: without_damaged(files[run.id]) for run in kept}
    more += [f"{run.name}: {reason}" for run in kept for reason in drawn[run.id][1]]
    if len(kept) < 2:
        raise SeqlabError(
            "\n".join(
                [f"fewer than two runs to compare: {len(kept)}", *(f"  {note}" for note in [*notes, *more][:NOTES])]
            )
        )
    check_parameters(heat or (), kept)
    differing, constants = split_parameters(kept)
    analysis = analyse(counts, SCORES[kept[0].measure])
    by_recipe = recipes(kept)
    groups = seed_groups(kept, analysis.intervals, differing)
    chosen_recipes = highlighted(len(by_recipe))
    # Of each recipe that stands out, its best run.
    chosen = sorted(min(by_recipe[recipe]) for recipe in chosen_recipes) if groups else highlighted(len(kept))
    return ComparisonView(
        runs=kept,
        labels=run_labels(kept, differing),
        files=[drawn[run.id][0] for run in kept],
        commit_pages=[pages.get(run.commit, "") for run in kept],
        # Pages go further than terminals do: no address in them has a password either.
        notes=[*map(stripped, (*notes, *more))],
        differing=differing,
        constants=constants,
        analysis=analysis,
        recipes=by_recipe,
        recipe_labels=recipe_labels(kept, by_recipe, differing),
        groups=groups,
        recipe_verdicts=verdicts([group.scores for group in groups]),
        heats=heat_maps(kept, heat, differing),
        chosen=chosen,
        chosen_recipes=chosen_recipes,
        contrasts=contrasts([read_translations(files[kept[place].id][TRANSLATIONS]) for place in chosen]),
        sentences=len(counts[0]),
    )


def _readable(
    runs: Sequence[ComparedRun], files: dict[str, Files]
) -> tuple[list[ComparedRun], list[Counts], list[str]]:
    """The runs with what the measure counts in their translations, and notes on those that are left out."""
    here = [run for run in runs if TRANSLATIONS in files[run.id]]
    without = [run.name for run in runs if TRANSLATIONS not in files[run.id]]
    notes = [f"{counted(without)} left out: no {TRANSLATIONS} to be found"] if without else []
    kept, counts = [], []
    paths = [files[run.id][TRANSLATIONS] for run in here]
    found = read_counts(paths, here[0].signature, here[0].measure) if here else []
    for run, result in zip(here, found, strict=True):
        if isinstance(result, str):
            notes.append(f"{run.name} left out: {result}")
        elif not abs((score := float(SCORES[run.measure](result.sum(axis=0)))) - run.score) <= TOLERANCE:
            notes.append(f"{run.name} left out: its score is {run.score:.2f}, its translations give {score:.2f}")
        else:
            kept.append(run)
            counts.append(result)
    return kept, counts, notes
