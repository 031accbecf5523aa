from itertools import product

from seqlab.commands.compare.heat_map import MAX_MAPS, MAX_VALUES, Cell, axes, heat_map, heat_maps
from seqlab.commands.compare.parameters import split_parameters
from seqlab.commands.compare.runs import ComparedRun


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


RATIO, SIZE, ATTENTION = "train.teacher_forcing_ratio", "model.hidden_size", "model.attention"


def varied(**values: str) -> list[ComparedRun]:
    """A run of each combination; another parameter's value raises BLEU by its place."""
    names = {"ratio": RATIO, "size": SIZE, "attention": ATTENTION}
    options = [
        [(names.get(name, name), value, place) for place, value in enumerate(found.split())]
        for name, found in values.items()
    ]
    return [
        run(10.0 + sum(place for *_, place in each), **{name: value for name, value, _ in each})
        for each in product(*options)
    ]


def test_the_axes_are_what_varies() -> None:
    for runs, expected in (
        (varied(ratio="0 0.5 1", attention="none dot", seed="1 2 3 4"), (RATIO, ATTENTION)),
        (varied(ratio="0 0.5 1", size="64 128", attention="none dot"), (RATIO, SIZE)),
        (varied(size="64 128 256", dropout="0.1 0.3"), (SIZE, "dropout")),
        (varied(attention="none dot", seed="1 2"), (ATTENTION, "seed")),
        (varied(attention="none dot"), (ATTENTION, RATIO)),
        (varied(seed="1 2"), ("seed", RATIO)),
        (varied(dropout=" ".join(map(str, range(MAX_VALUES + 1))), size="64 128"), (SIZE, RATIO)),
    ):
        assert axes(runs, split_parameters(runs)[0]) == expected


def test_what_varies_besides_has_a_map_for_each_value_in_one_scale() -> None:
    runs = varied(ratio="0 0.5 1", size="64 128", attention="none dot", seed="1 2")
    none, dot = sorted(
        heat_maps(runs, None, split_parameters(runs)[0]), key=lambda each: each.where[ATTENTION] == "dot"
    )
    assert (none.where, dot.where) == ({ATTENTION: "none"}, {ATTENTION: "dot"})
    assert none.others == dot.others == []
    cells = [cell for each in (none, dot) for _, row in each.rows for cell in row if cell]
    assert {cell.runs for cell in cells} == {2}
    assert [cell.mean for cell in cells] == [10.5, 11.5, 11.5, 12.5, 12.5, 13.5, 11.5, 12.5, 12.5, 13.5, 13.5, 14.5]
    assert all(cell.warmth == (cell.mean - 10.5) / 4 for cell in cells)


def test_of_too_many_maps_there_is_one_that_says_what_it_hides() -> None:
    many = " ".join(map(str, range(MAX_MAPS + 1)))
    runs = varied(ratio=many, size=many, dropout=many)
    (only,) = heat_maps(runs, (RATIO, SIZE), split_parameters(runs)[0])
    assert (only.others, only.where) == (["dropout"], {})
