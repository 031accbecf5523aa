"""The grid: what it expands to, and what it refuses before anything is queued."""

import math
from pathlib import Path

import pytest

from seqlab.commands.recipe import read_recipe
from seqlab.commands.sweep.grid import DEFAULT_GRID, THREADS, expand, swept
from seqlab.commands.sweep.members import make_members
from seqlab.core.errors import SeqlabError
from seqlab.params.params import load_params

ROOT = Path(__file__).parents[3]


def test_the_grid_is_the_product_of_its_values() -> None:
    points = expand(["seed=range(1,3)", "model.attention=choice(none,dot)", "train.epochs=2"])
    assert points == [
        ("seed=1", "model.attention=none", "train.epochs=2", THREADS),
        ("seed=1", "model.attention=dot", "train.epochs=2", THREADS),
        ("seed=2", "model.attention=none", "train.epochs=2", THREADS),
        ("seed=2", "model.attention=dot", "train.epochs=2", THREADS),
    ]


def test_threads_are_one_unless_they_are_set() -> None:
    assert expand(["runtime.threads=1,2"]) == [("runtime.threads=1",), ("runtime.threads=2",)]
    assert expand(["runtime={device:cpu,engine:fast,threads:2,numerics:native}"])[0][1:] == ()
    assert expand(["seed=1"]) == [("seed=1", "runtime.threads=1")]


def test_a_setting_may_name_params_yaml() -> None:
    assert expand(["params.yaml:seed=1,2"]) == expand(["seed=1,2"])
    assert swept(["params.yaml:seed=1,2", "model.layers=1", "seed=3"]) == ["seed", "model.layers"]


def test_a_parameter_that_is_set_twice_is_refused() -> None:
    for twice in (["seed=range(1,3)", "seed=4"], ["params.yaml:seed=1", "seed=1"]):
        with pytest.raises(SeqlabError, match="-S seed is given twice; give all its values at once"):
            make_members(ROOT, twice)


def test_the_default_grid() -> None:
    members = make_members(ROOT, DEFAULT_GRID)
    points = {
        (each.params.train.teacher_forcing_ratio, each.params.model.hidden_size, each.params.seed) for each in members
    }
    expected = {
        (ratio, size, seed) for ratio in (0.0, 0.25, 0.5, 0.75, 1.0) for size in (64, 128) for seed in (1, 2, 3)
    }
    assert points == expected
    assert len(members) == math.prod((5, 2, 3))
    assert {each.params.runtime.threads for each in members} == {1}
    assert members[0].name == "tf0.00-h64-s1"


@pytest.mark.parametrize("recipe", sorted(ROOT.glob("recipes/*.txt")), ids=lambda path: path.stem)
def test_every_recipe_is_of_valid_parameters(recipe: Path) -> None:
    sizes = {"grid": 30, "multi30k-de-en-ratios": 4}
    sizes |= {"grammar-ratios": 30, "grammar-bottleneck": 12, "grammar-depth": 10}
    assert len(make_members(ROOT, read_recipe(ROOT, recipe.stem))) == sizes.get(recipe.stem, 1)


def test_all_else_is_as_in_params_yaml() -> None:
    (member,) = make_members(ROOT, ["seed=7"])
    params = load_params(ROOT / "params.yaml")
    runtime = params.runtime.model_copy(update={"threads": 1})
    assert member.params == params.model_copy(update={"seed": 7, "runtime": runtime})


def test_members_of_one_recipe_are_one() -> None:
    assert len(make_members(ROOT, ["train.teacher_forcing_ratio=0,0.0,0.5"])) == 2


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("train.teacher_forcing=0,1", r"did you mean train\.teacher_forcing_ratio\?"),
        ("sed=1,2", r"sed: no such parameter; did you mean seed\?"),
        ("seed.x=1", "seed has no parameters in it"),
        ("train.epochs=1,0", "train.epochs: .*greater than or equal to 1"),
        ("model.attention=none,dots", "model.attention: .*'none'"),
        ("seed=[", "-S seed=\\[: "),
        ("seed", "not of the form name=value"),
        ("+model.depth=1", "write name=value"),
        ("~seed", "write name=value"),
        ("other.yaml:seed=1", "other.yaml"),
        ("seed=glob(*)", "not supported"),
        ("dvc.yaml:stages.download.cmd=true", r"dvc\.yaml"),
        ("corpus.source=${oc.env:HOME}", "written out"),
        ("corpus.source=en,${oc.env:HOME}", "written out"),
        ("params.yaml:corpus.source='${now:%Y}'", "written out"),
        (r"corpus.source=$\{oc.env:HOME\}", "written out"),
        (r"corpus.source=en,$\{oc.env:HOME\}", "written out"),
        (r"corpus.source=sort(en,$\{oc.env:HOME\})", "written out"),
        (r"corpus.source=str($\{oc.env:HOME\})", "written out"),
        (r"corpus.files.train=[a,[$\{oc.env:HOME\}]]", "written out"),
        (r"corpus={source:$\{oc.env:HOME\}}", "written out"),
        (r"corpus={$\{oc.env:HOME\}:en}", "written out"),
        ("train.start_from=???", "written out"),
        ("corpus.files.train=[???]", "written out"),
        ("corpus.files.train=[range(1,3)]", "-S: Unexpected type annotation"),
        pytest.param("corpus.source=" + "[" * 300 + "]" * 300, "maximum recursion depth exceeded", id="deep"),
        ("train.learning_rate=interval(0,1)", "INTERVAL"),
        ("seed=" + "1" * 5000, "-S seed=1{195}: not of the form name=value"),
        ("seed=range(1,1000000)", "this grid has 999,999 members, and a sweep takes 1,000: "),
        ("seed=shuffle(range(1,1000000))", "this grid has 999,999 members"),
        ("seed=range(1,10000000000000000000000)", "this grid has 9,999,999,999,999,999,999,999 members"),
        ("model.dropout=range(0,1,0.00001)", "this grid has (99,999|100,000) members"),
        ("seed=" + ",".join(map(str, range(1001))), "this grid has 1,001 members"),
        ("seed=range(1,10,0)", "a step other than 0"),
        ("model.dropout=range(0.1,0.5,0.0)", "a step other than 0"),
        ("model.dropout=range(0.1,inf)", "a range has an end"),
        ("seed=range(3,3)", "this range has no values; its end is not among them"),
        ("seed=range(1,3,-1)", "this range has no values"),
    ],
)
def test_what_is_refused(setting: str, message: str) -> None:
    with pytest.raises(SeqlabError, match=message):
        make_members(ROOT, [setting])


@pytest.mark.parametrize("value", ["'${oc.env:MINE}'", "'???'"])
def test_what_params_yaml_has_is_not_looked_up_either(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "secret")
    text = (ROOT / "params.yaml").read_text("utf-8")
    (tmp_path / "params.yaml").write_text(text.replace("train: []", f"train: [{value}]"), "utf-8")
    # A file may be called so; a sweep would look for its name elsewhere.
    assert load_params(tmp_path / "params.yaml").corpus.files.train == [value.strip("'")]
    with pytest.raises(SeqlabError, match=r"params\.yaml: a parameter's value is written out"):
        make_members(tmp_path, ["seed=1,2"])


def test_values_of_several_parameters_multiply() -> None:
    with pytest.raises(SeqlabError, match="this grid has 1,001 members"):
        make_members(ROOT, ["seed=range(0,77)", "train.epochs=range(1,14)"])
    assert len(expand(["seed=range(0,100)", "train.epochs=range(10,0,-1)"])) == 1000
    assert len(expand(["model.dropout=range(0.1,0.5,0.1)"])) == len(expand(["seed=range(1,5)"])) == 4


def test_every_bad_member_is_named_and_no_more_than_a_screenful() -> None:
    with pytest.raises(SeqlabError) as caught:
        make_members(ROOT, ["train.epochs=0,-1,5", "model.layers=0,1"])
    text = str(caught.value)
    assert "-S train.epochs=0 -S model.layers=0" in text
    assert "train.epochs=5 -S model.layers=1" not in text
    with pytest.raises(SeqlabError, match="and 15 more"):
        make_members(ROOT, ["train.epochs=range(-19,1)"])
