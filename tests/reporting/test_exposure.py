"""Exposure bias in words and figures."""

from html import unescape

import pytest

from seqlab.reporting.charts import exposure_chart
from seqlab.reporting.exposure import exposure_bias
from seqlab.results.exposure import common_positions
from seqlab.results.records import Exposure
from tests.reporting import run


def row(position: int, tokens: int, gold: float | None, own: float | None) -> Exposure:
    return Exposure(position=position, tokens=tokens, gold_nll=gold, own_nll=own)


def test_every_token_weighs_the_same() -> None:
    sentence = exposure_bias([row(1, 3, 1.0, 1.0), row(2, 1, 2.0, 6.0)])
    assert "1.25 nats after the true words and 2.25 after its own" in sentence
    assert "costs it 1.00 nats a token" in sentence


@pytest.mark.parametrize("rows", [[], [row(1, 3, None, 1.0)]])
def test_nothing_is_said_of_nothing(rows: list[Exposure]) -> None:
    assert exposure_bias(rows) == ""


def test_positions_that_few_sentences_reach_are_left_out() -> None:
    rows = [row(1, 100, 1.0, 1.0), row(2, 5, 1.0, 1.0), row(3, 4, 1.0, 1.0)]
    assert common_positions(rows) == rows[:2]
    assert common_positions([]) == []


def test_the_chart_says_its_course_in_words() -> None:
    chart = exposure_chart([Exposure.model_validate(each) for each in run.exposure(11)])
    assert "After the true prefix from 0.41 to 0.51, after the model's own from 0.40 to 1.50." in unescape(chart)
