import pytest

from seqlab.commands.ci.chart import MAX_POINTS, line_chart


def test_a_line_for_each_series() -> None:
    chart = line_chart("BLEU", ("epoch", ["1", "2"]), "score", [[1, 2.345], [30, 4]])
    assert chart.splitlines()[1:] == [
        "xychart-beta",
        '    title "BLEU"',
        '    x-axis "epoch" ["1", "2"]',
        '    y-axis "score" 0 --> 30.00',
        "    line [1.00, 2.35]",
        "    line [30.00, 4.00]",
    ]


def test_a_long_series_keeps_its_ends() -> None:
    count = 10 * MAX_POINTS
    chart = line_chart("", ("", [str(place) for place in range(count)]), "", [[float(place) for place in range(count)]])
    points = chart.split("line [")[1].rstrip("]").split(", ")
    assert len(points) == MAX_POINTS
    assert (points[0], points[-1]) == ("0.00", f"{count - 1:.2f}")


def test_labels_end_no_quote() -> None:
    assert '["a  b-1+"]' in line_chart("", ("", ['a" ]\n b-1+']), "", [[1]])


def test_a_shorter_series_ends_early_and_a_longer_one_is_refused() -> None:
    chart = line_chart("", ("", ["1", "2", "3"]), "", [[1, 2, 3], [4, 5]])
    assert chart.splitlines()[-2:] == ["    line [1.00, 2.00, 3.00]", "    line [4.00, 5.00]"]
    with pytest.raises(ValueError, match="figures for 2 labels"):
        line_chart("", ("", ["1", "2"]), "", [[1.0, 2.0, 3.0]])
