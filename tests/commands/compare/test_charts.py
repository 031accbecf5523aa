"""What the charts draw, told from the SVG."""

import pytest

from seqlab.commands.compare.bands import Band
from seqlab.commands.compare.charts import band_chart

POINTS = [(0.0, 10.0, 1.0), (1.0, 20.0, 2.0)]


@pytest.mark.parametrize(("chosen", "grey"), [([1], 2), ([2, 0], 1), ([0, 1, 2], 0)])
def test_recipes_that_do_not_stand_out_are_grey_behind_the_others(chosen: list[int], grey: int) -> None:
    found = [Band(recipe, 2, POINTS) for recipe in range(3)]
    chart = str(band_chart("bleu", "BLEU", ("epoch", "BLEU"), found, chosen))
    assert chart.count("stroke: var(--soft); stroke-opacity") == grey
    # The area of a spread, in the colour of the recipe's place.
    areas = [chart.count(f"fill: var(--s{place}); fill-opacity") for place in (1, 2, 3)]
    assert areas == [1] * len(chosen) + [0] * grey
    assert "means of the seeds of 3 recipes" in chart
