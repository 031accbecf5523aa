import functools
import re
import xml.etree.ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from seqlab.reporting.charts import MAX_POINTS, length_chart, loss_chart, measure_chart, step_chart
from seqlab.results.metrics import BLEU
from seqlab.results.records import Epoch, LengthBucket, Step
from tests.reporting import run


def epochs(count: int = 8) -> list[Epoch]:
    return [Epoch.model_validate(row) for row in run.epochs(count)]


def steps(count: int = 8) -> list[Step]:
    return [Step.model_validate(row) for row in run.steps(count)]


@functools.cache
def charts() -> dict[str, str]:
    return {
        "loss": loss_chart(epochs(), steps()),
        "bleu": measure_chart(epochs(), 7, BLEU),
        "rate": step_chart("rate", "Learning rate", epochs(), steps(), "learning_rate"),
        "length": length_chart([LengthBucket.model_validate(row) for row in run.buckets()]),
    }


def test_charts_take_the_colours_of_the_page() -> None:
    for svg in charts().values():
        assert not re.findall(r"#[0-9a-f]{6}|rgb\(", svg)
        assert "var(--soft)" in svg
        assert "font-family" not in svg
        assert "<text" in svg


def test_charts_say_what_they_show() -> None:
    labels = {name: ET.fromstring(svg).attrib["aria-label"] for name, svg in charts().items()}  # noqa: S314
    assert labels["loss"] == "Loss by epoch. Train: from 2.86 to 0.79. Validation: from 2.64 to 1.14."
    assert labels["bleu"] == "Validation BLEU by epoch: from 15.2 to 42.9."
    assert labels["length"].endswith("21–30 words: 27.9; 41+ words: 12.6.")
    assert all(ET.fromstring(svg).attrib["role"] == "img" for svg in charts().values())  # noqa: S314


def test_ids_differ_between_charts_and_resolve() -> None:
    identifiers = [re.findall(r'\bid="([^"]+)"', svg) for svg in charts().values()]
    everything = [identifier for own in identifiers for identifier in own]
    assert len(everything) == len(set(everything)) > 0
    for svg, own in zip(charts().values(), identifiers, strict=True):
        assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg)) <= set(own)


def test_no_style_rule_leaks_into_the_page() -> None:
    assert not any("<style" in svg or "<metadata" in svg or "<?xml" in svg for svg in charts().values())


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from([None, float("nan"), float("inf"), 0.0, 3.5, 1e9]), min_size=1, max_size=4))
def test_any_curve_can_be_drawn(values: list[float | None]) -> None:
    rows = [row.model_copy(update={"valid_bleu": value}) for row, value in zip(epochs(4), values, strict=False)]
    assert measure_chart(rows, 1, BLEU).startswith("<svg")


def test_long_curves_are_averaged() -> None:
    rows = [
        Step(step=step, loss=1.0 + step % 2, learning_rate=0.1, teacher_forcing_ratio=0.5, gradient_norm=1.0)
        for step in range(1, 50 * MAX_POINTS + 1)
    ]
    last = epochs(1)[0].model_copy(update={"step": rows[-1].step})
    svg = step_chart("norm", "Loss", [last], rows, "loss")
    assert len(svg) < 30_000
    assert "from 1.5 to 1.5" in svg


def test_a_rate_without_step_rows_is_drawn_by_epoch() -> None:
    assert "from 0.0018 to 0.0008609" in step_chart("rate", "Learning rate", epochs(), [], "learning_rate")
