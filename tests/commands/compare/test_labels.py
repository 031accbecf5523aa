from seqlab.commands.compare.labels import recipe_labels, run_labels, short_names
from seqlab.commands.compare.parameters import split_parameters
from seqlab.commands.compare.runs import ComparedRun


def run(name: str, **params: str) -> ComparedRun:
    return ComparedRun(name, name, "", "", {key.replace("__", "."): value for key, value in params.items()}, {}, {})


def labels(*runs: ComparedRun) -> list[str]:
    return run_labels(runs, split_parameters(runs)[0])


def test_a_label_is_made_of_what_differs_seed_included() -> None:
    runs = [run("a", seed=seed, model__attention=kind, model__cell="gru") for kind in ("none", "dot") for seed in "12"]
    expected = ["attention none, seed 1", "attention none, seed 2", "attention dot, seed 1", "attention dot, seed 2"]
    assert labels(*runs) == expected
    # Another choice of runs, other labels.
    assert labels(*runs[:2]) == ["seed 1", "seed 2"]
    assert labels(runs[0], runs[2]) == ["attention none", "attention dot"]


def test_what_distinguishes_no_more_runs_is_left_out() -> None:
    first = run("a", model__attention="none", model__context="initial", train__epochs="3")
    second = run("b", model__attention="dot", model__context="every_step", train__epochs="3")
    assert labels(first, second) == ["attention none", "attention dot"]


def test_runs_that_no_parameter_tells_apart_have_their_names() -> None:
    assert labels(run("a", seed="1"), run("b", seed="1")) == ["(a)", "(b)"]
    three = labels(run("a", seed="1"), run("b", seed="1"), run("c", seed="2"))
    assert three == ["seed 1 (a)", "seed 1 (b)", "seed 2"]


def test_labels_are_short_and_names_unambiguous() -> None:
    runs = [run("a", model__size="1" * 100, data__size="1"), run("b", model__size="2", data__size="1")]
    runs += [run("c", model__size="2", data__size="2")]
    assert max(map(len, labels(*runs))) < 60
    assert short_names(["model.size", "data.size", "seed"]) == {
        "model.size": "model.size", "data.size": "data.size", "seed": "seed",
    }  # fmt: skip
    assert labels(*runs)[2] == "data.size 2, model.size 2"


def test_a_recipe_s_label_has_no_seed() -> None:
    runs = [run("a", seed="1", ratio="0"), run("b", seed="2", ratio="0"), run("c", seed="1", ratio="1")]
    assert recipe_labels(runs, [[2], [0, 1]], ["ratio", "seed"]) == ["ratio 1", "ratio 0"]
