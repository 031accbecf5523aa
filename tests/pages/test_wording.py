import pytest

from seqlab.pages.wording import figure, parameter, shown
from seqlab.results.metrics import BLEU, Metric


@pytest.mark.parametrize(
    ("value", "digits", "text"), [(None, 1, "–"), (30.25, 1, "30.2"), (1234567.0, 0, "1,234,567"), (-0.5, 2, "-0.50")]
)
def test_figures(value: float | None, digits: int, text: str) -> None:
    assert figure(value, digits) == text


def test_a_metric_is_shown_with_its_decimals_and_its_unit() -> None:
    assert shown(BLEU, 30.26) == "30.3"
    assert shown(BLEU, None) == "–"
    assert shown(Metric("share", "Share", 2, unit="%"), 12.346) == "12.35 %"


@pytest.mark.parametrize(("value", "text"), [("gru", "gru"), (0.5, "0.5"), (True, "true"), (["é", 1], '["é", 1]')])
def test_parameters_are_as_yaml_has_them(value: object, text: str) -> None:
    assert parameter(value) == text
