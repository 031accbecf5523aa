import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from seqlab.commands.sweep.members import make_members
from seqlab.params.params import load_params
from seqlab.scoring.tokenization import resolve
from seqlab.tracking.fingerprint.canonical import flatten
from seqlab.tracking.fingerprint.fingerprint import load_recipe
from seqlab.tracking.journal.run_name import LONGEST, USUAL, USUAL_TASK, identity_in, run_name
from tests.tracking.conftest import ROOT, Project

FINGERPRINT = "3fa9c1" + "0" * 58
# Every name has them.
ALWAYS = {
    *("seed", "train.teacher_forcing_ratio", "model.hidden_size", "model.cell", "model.attention"),
    *("corpus.name", "corpus.source", "corpus.target"),
}


def name_of(project: Project, fingerprint: str = FINGERPRINT) -> str:
    return run_name(asdict(load_recipe(project.params, project.root)), fingerprint)


@pytest.fixture
def usual(project: Project) -> Project:
    project.params = load_params(ROOT / "params.yaml")
    project.set("train", teacher_forcing_ratio=0.5)
    project.set("model", hidden_size=128, cell="gru", attention="none")
    return project


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "tf0.50-h128-gru-s1"),
        ({"train": {"teacher_forcing_ratio": 0.0}}, "tf0.00-h128-gru-s1"),
        ({"train": {"teacher_forcing_ratio": 0.125}, "model": {"hidden_size": 64}}, "tf0.125-h64-gru-s1"),
        ({"model": {"cell": "lstm", "attention": "dot"}}, "tf0.50-h128-lstm+dot-s1"),
        ({"evaluate": {"beam_size": 5}}, "tf0.50-h128-gru-s1-beam5"),
        ({"evaluate": {"beam_size": 5, "parameters": "average"}, "train": {"keep_checkpoints": 3}},
         "tf0.50-h128-gru-s1-keep3-average-beam5"),
        ({"train": {"learning_rate": 0.001, "early_stopping_metric": "loss"}, "runtime": {"threads": 1}},
         "tf0.50-h128-gru-s1-lr0.001-early_stopping_metric-loss-t1"),
        ({"corpus": {"name": "multi30k", "source": "de", "target": "en"}, "tokenizer": {"kind": "bpe"}},
         "tf0.50-h128-gru-s1-multi30k-de-en-bpe"),
        ({"corpus": {"target": "zh"}, "runtime": {"engine": "plain"}},
         "tf0.50-h128-gru-s1-grammar-en-zh-bleu-zh-plain"),
        ({"corpus": {"target": "my own/«x»"}}, "tf0.50-h128-gru-s1-grammar-en-my_own_x_"),
        ({"model": {"bidirectional": True, "context": "every_step"}, "evaluate": {"metrics": ["rouge", "diversity"]}},
         "tf0.50-h128-gru-s1-bidirectional-every_step-rouge+diversity"),
    ],
)  # fmt: skip
def test_the_name_says_what_differs(usual: Project, changes: dict[str, dict[str, Any]], name: str) -> None:
    for section, values in changes.items():
        usual.set(section, **values)
    assert name_of(usual) == f"{name}-3fa9c1"


def test_two_seeds_of_one_recipe_have_names_that_say_so(usual: Project) -> None:
    usual.params = usual.params.model_copy(update={"seed": 23})
    assert name_of(usual) == "tf0.50-h128-gru-s23-3fa9c1"


def test_a_name_has_a_bounded_length_and_says_how_much_it_leaves_out(usual: Project) -> None:
    for section in ("train", "evaluate"):
        names = [name for name, value in USUAL.items() if name.split(".")[0] == section and not isinstance(value, list)]
        usual.set(section, **{name.split(".")[1]: 77777 for name in names})
    name = name_of(usual)
    assert re.fullmatch(rf"tf0\.50-h128-gru-s1-.{{{LONGEST - 80},{LONGEST - 19}}}\+\d\d-3fa9c1", name)
    # MLflow's database holds no more.
    assert len(name) <= 250


@pytest.mark.parametrize("recipe", sorted(ROOT.glob("recipes/[!d]*.txt")), ids=lambda path: path.stem)
def test_the_name_of_a_recipe_has_room_for_what_is_varied_besides(recipe: Path) -> None:
    settings = recipe.read_text("utf-8").splitlines()
    settings = [line for line in settings if line and line[0] != "#"]
    params = make_members(ROOT, [*settings, "evaluate.length_penalty=0.6"])[0].params
    name = run_name(asdict(load_recipe(params, ROOT)), FINGERPRINT)
    assert "-length_penalty0.6-" in name
    assert not re.search(r"\+\d+-3fa9c1$", name)


def test_what_is_usual_is_what_params_yaml_says() -> None:
    """Whoever changes a default changes it in both places; a new parameter is in both."""
    params = load_params(ROOT / "params.yaml")
    values = flatten({"seed": params.seed, **params.model_dump(exclude={"seed", "report"})})
    values["evaluate.tokenize"] = resolve(params.evaluate.tokenize, params.corpus.target)
    assert {name: value for name, value in values.items() if name not in ALWAYS} == USUAL
    assert (params.corpus.name, params.corpus.source, params.corpus.target) == USUAL_TASK


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("tf1.00-h64-gru+dot-3fa9c1", "3fa9c1"),
        ("tf0.125-h64-lstm-b5-average-7d5c1e", "7d5c1e"),
        ("tf0.50-h128-gru-s1-lr0.001+2-3fa9c1", "3fa9c1"),
        ("the good one", ""),
        ("tf1.00-h64-gru+dot", ""),
        ("baseline-3fa9c1", ""),
    ],
)
def test_names_that_people_gave_are_not_ours(name: str, identity: str) -> None:
    assert identity_in(name) == identity
