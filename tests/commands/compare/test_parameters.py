import pytest

from seqlab.commands.compare.parameters import check_parameters, in_order, split_parameters
from seqlab.commands.compare.runs import ComparedRun
from seqlab.core.errors import SeqlabError


def run(**params: str) -> ComparedRun:
    return ComparedRun("id", "name", "", "", params, {}, {})


def test_parameters_that_differ_come_first_and_the_seed_last() -> None:
    runs = [
        run(seed="1", cell="gru", size="64", ratio="0.5", only="x"),
        run(seed="2", cell="gru", size="128", ratio="0.5"),
        run(seed="3", cell="gru", size="256", ratio="1.0"),
    ]
    differing, constants = split_parameters(runs)
    assert differing == ["only", "ratio", "size", "seed"]
    assert constants == {"cell": "gru"}


def test_numbers_are_sorted_by_size() -> None:
    assert in_order(["1e-3", "10", "9", "none", "0.5", "nan", "9"]) == ["1e-3", "0.5", "9", "10", "nan", "none"]


def test_an_unknown_parameter_is_refused_with_the_nearest() -> None:
    with pytest.raises(SeqlabError, match=r"no run has a parameter hiden; did you mean hidden\?"):
        check_parameters(["hiden"], [run(hidden="1")])
