from typing import Any

import pytest

from seqlab.tracking.fingerprint import load_recipe
from seqlab.tracking.record import recipe_params, run_name
from tests.tracking.conftest import Project


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "tf0.50-h128-gru-3fa9c1"),
        ({"train": {"teacher_forcing_ratio": 0.0}}, "tf0.00-h128-gru-3fa9c1"),
        ({"train": {"teacher_forcing_ratio": 0.125}, "model": {"hidden_size": 64}}, "tf0.125-h64-gru-3fa9c1"),
        ({"model": {"cell": "lstm", "attention": "dot"}}, "tf0.50-h128-lstm+dot-3fa9c1"),
        ({"evaluate": {"beam_size": 5}}, "tf0.50-h128-gru-b5-3fa9c1"),
        (
            {"evaluate": {"beam_size": 5, "parameters": "average"}, "train": {"keep_checkpoints": 3}},
            "tf0.50-h128-gru-b5-average-3fa9c1",
        ),
    ],
)
def test_the_name_says_what_people_compare(project: Project, changes: dict[str, dict[str, Any]], name: str) -> None:
    for section, values in changes.items():
        project.set(section, **values)
    recipe = load_recipe(project.params, project.root)
    assert run_name({"train": recipe.train, "evaluate": recipe.evaluate}, "3fa9c1" + "0" * 58) == name


def test_parameters_are_flat_and_only_those_that_count(project: Project) -> None:
    recipe = load_recipe(project.params, project.root)
    params = recipe_params({"train": recipe.train, "evaluate": recipe.evaluate})
    assert params["train.teacher_forcing_ratio"] == 0.5
    assert params["corpus.grammar.train_size"] == 20000
    assert not [name for name in params if name.startswith(("report.", "corpus.multi30k", "corpus.files"))]
    expected = {"seed", "corpus.name", "tokenizer.kind", "model.cell", "runtime.threads", "evaluate.length_buckets"}
    assert expected <= set(params)
