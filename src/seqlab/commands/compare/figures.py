"""The figures of the page, read once: of recipes where one has several seeds, else of runs."""

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Self

from markupsafe import Markup

from seqlab.commands.compare.bands import bands, mean_exposures
from seqlab.commands.compare.charts import band_chart, exposure_chart, line_chart, scatter_chart
from seqlab.commands.compare.comparison_view import ComparisonView
from seqlab.commands.compare.reading import LARGEST_FIGURE
from seqlab.commands.compare.seeds import by_seed
from seqlab.commands.compare.series import Curve, Exposure, exposures, learning_curves, length_curves, length_unit
from seqlab.results.metrics import PERPLEXITY, Metric

_STEPS = "optimizer step"


@dataclass(frozen=True)
class Figures:
    """What the charts draw of each run; and `recipes`, the places of the runs of each one's seeds, if those are drawn.

    The buckets of source lengths are in `unit`.
    """

    measure: Metric
    learning: dict[str, list[Curve]]
    buckets: list[str]
    unit: str
    lengths: list[Curve]
    exposures: list[Exposure]
    recipes: list[list[list[int]]]

    @classmethod
    def of(cls, view: ComparisonView) -> Self:
        """Read the runs' files.

        Raises:
            SeqlabError: a file is damaged.
        """
        buckets, lengths = length_curves(view.files)
        columns = {"measure": f"valid_{view.measure.key}", "loss": "valid_loss"}
        learning = {name: learning_curves(view.files, column) for name, column in columns.items()}
        recipes = [by_seed(view.runs, places) for places in view.recipes] if view.groups else []
        return cls(view.measure, learning, buckets, length_unit(view.files), lengths, exposures(view.files), recipes)

    @property
    def _titles(self) -> tuple[tuple[str, str, str], ...]:
        """Of the learning curves: name, title, and what stands at the axis."""
        label = self.measure.label
        return ("measure", f"Validation {label}", label), ("loss", "Validation loss", "loss per token")

    @property
    def _length_axes(self) -> tuple[str, str]:
        return f"source length in {self.unit}", "BLEU"

    @cached_property
    def gaps(self) -> dict[int, float]:
        """Exposure gap by run."""
        return {each.run: each.gap for each in self.exposures}

    @cached_property
    def shown_exposures(self) -> dict[int, Exposure]:
        """By recipe, or by run."""
        found = mean_exposures(self.exposures, self.recipes) if self.recipes else self.exposures
        return {each.run: each for each in found}

    @cached_property
    def shown_lengths(self) -> dict[int, dict[int, tuple[float, float]]]:
        """Recipe, or run → place of the bucket → mean BLEU, and its standard deviation over seeds (0 of one)."""
        runs = [[[place]] for place in range(1 + max((curve.run for curve in self.lengths), default=-1))]
        found = bands(self.lengths, self.recipes or runs)
        return {band.recipe: {round(x): (mean, spread) for x, mean, spread in band.points} for band in found}

    def charts(self, view: ComparisonView) -> dict[str, Markup]:
        """Name → chart; those that nothing is known for are left out."""
        charts = self._of_recipes(view) if self.recipes else self.single_charts(view)
        chosen = view.chosen_recipes if self.recipes else view.chosen
        points = [(run.metrics.get(PERPLEXITY.point), run.score) for run in view.runs]
        known = [(x, y) for x, y in points if x is not None and abs(x) < LARGEST_FIGURE]
        if len(known) == len(points):
            axes = ("perplexity under teacher forcing", f"{view.measure.label}, free running")
            marked = [list(chain(*self.recipes[each])) if self.recipes else [each] for each in chosen]
            charts["perplexity"] = scatter_chart(
                "perplexity", f"Perplexity and {view.measure.label}", axes, known, marked
            )
        if any(each in self.shown_exposures for each in chosen):
            charts["exposure"] = exposure_chart(list(self.shown_exposures.values()), chosen)
        return charts

    def single_charts(self, view: ComparisonView) -> dict[str, Markup]:
        """Curves and BLEU by length of each run."""
        charts = {
            name: line_chart(f"{name}-runs", f"{title} by optimizer step", (_STEPS, axis), curves, view.chosen)
            for name, title, axis in self._titles
            if (curves := self.learning[name])
        }
        if self.lengths:
            title = "BLEU by source length"
            charts["length"] = line_chart(
                "length-runs", title, self._length_axes, self.lengths, view.chosen, self.buckets
            )
        return charts

    def _of_recipes(self, view: ComparisonView) -> dict[str, Markup]:
        charts = {
            name: band_chart(name, f"{title} by optimizer step", (_STEPS, axis), found, view.chosen_recipes)
            for name, title, axis in self._titles
            if (found := bands(self.learning[name], self.recipes))
        }
        if found := bands(self.lengths, self.recipes):
            title = "BLEU by source length"
            charts["length"] = band_chart("length", title, self._length_axes, found, view.chosen_recipes, self.buckets)
        return charts
