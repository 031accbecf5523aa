from seqlab.comparison.heat_map import MAX_VALUES, Cell, heat_map
from seqlab.comparison.runs import ComparedRun


def run(bleu: float, **params: str) -> ComparedRun:
    return ComparedRun("id", "name", "", "", params, {}, {"test/bleu": bleu})


RUNS = [
    run(10.0, ratio="0", size="128", seed="1"),
    run(14.0, ratio="0", size="128", seed="2"),
    run(20.0, ratio="1.0", size="64", seed="1"),
    run(30.0, ratio="1.0", size="128", seed="1"),
]


def test_a_cell_has_mean_deviation_and_number() -> None:
    heat = heat_map(RUNS, "ratio", "size", ["ratio", "size", "seed"])
    assert heat.columns == ["64", "128"]
    rows = dict(heat.rows)
    assert rows["0"] == [None, Cell(2, 12.0, 8**0.5, 0.0)]
    assert rows["1.0"] == [Cell(1, 20.0, None, 8 / 18), Cell(1, 30.0, None, 1.0)]
    assert heat.others == []


def test_it_says_what_else_varies_within_a_cell() -> None:
    runs = [*RUNS, run(40.0, ratio="1.0", size="64", seed="1", dropout="0.3")]
    assert heat_map(runs, "ratio", "size", ["ratio", "size", "dropout", "seed"]).others == ["dropout"]


def test_there_is_none_of_one_cell_and_none_of_hundreds_of_columns() -> None:
    assert "same values" in heat_map(RUNS[:2], "ratio", "size", ["seed"]).reason
    many = [run(1.0, ratio=str(number), size="64") for number in range(MAX_VALUES + 1)]
    assert "more than 30 values" in heat_map(many, "ratio", "size", ["ratio"]).reason
