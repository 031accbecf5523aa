from seqlab.tracking.fingerprint.fingerprint import load_recipe
from seqlab.tracking.journal.record import recipe_params
from tests.tracking.conftest import Project


def test_parameters_are_flat_and_only_those_that_count(project: Project) -> None:
    recipe = load_recipe(project.params, project.root)
    params = recipe_params({"train": recipe.train, "evaluate": recipe.evaluate})
    assert params["train.teacher_forcing_ratio"] == 0.5
    assert params["corpus.grammar.train_size"] == 20000
    assert not [name for name in params if name.startswith(("report.", "corpus.multi30k", "corpus.files"))]
    expected = {"seed", "corpus.name", "tokenizer.kind", "model.cell", "runtime.threads", "evaluate.length_buckets"}
    assert expected <= set(params)
