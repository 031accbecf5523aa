import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
import torch
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PyFuncModel
from mlflow.pyfunc.scoring_server import invocations

from seqlab.core import parallel
from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.evaluation.parameters import Parameters
from seqlab.evaluation.translator import Translator
from seqlab.params.schema import TokenizerParams
from seqlab.seq2seq.checkpoint import model_tensors, write_checkpoint
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.tokenizer import load_tokenizers
from seqlab.tokenizing.build import build
from seqlab.tracking.publishing import downloads as downloads_module
from seqlab.tracking.publishing.downloads import download_checkpoint
from seqlab.tracking.publishing.pyfunc import LONGEST_TEXT, MOST_TEXTS
from seqlab.tracking.publishing.sync import sync
from tests.seq2seq.model.tiny import tiny_config
from tests.tracking.conftest import Project

TEXTS = ["the cat", "the cat sleeps", "a\tb\nc", "", "never seen", "the " * 50]
SEARCH = {"beam_size": 3, "length_penalty": 0.5, "max_length": 7, "batch_size": 2}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, template_project: Project, template_database: Path) -> Project:
    """A published project whose checkpoints are real ones, as untrained as they are; two translate as an ensemble."""
    folder = tmp_path_factory.mktemp("model")
    shutil.copytree(template_project.root, folder / "project")
    shutil.copyfile(template_database, folder / "project/mlflow.db")
    project = Project(folder / "project", template_project.params)
    project.set("train", keep_checkpoints=2)
    project.set("evaluate", parameters="ensemble", **SEARCH)
    project.write_checkpoint = CheckpointWriter(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLAB_PUBLISHER", "off")
        patch.setenv("MLFLOW_TRACKING_URI", "")
        project.run()
        sync(project.root)
    return project


class CheckpointWriter:
    """Writes checkpoints of an untrained model between tokenizers of three sentences."""

    def __init__(self, folder: Path) -> None:
        examples = [
            Example("the cat sleeps", ("le chat dort",)),
            Example("a\tb", ("a",)),
            Example("the cat", ("le chat",)),
        ]
        for split in parallel.SPLITS:
            parallel.write(folder / f"raw/{split}.jsonl", examples)
        params = TokenizerParams(
            kind="word",
            vocab_size=20,
            vocabulary="separate",
            max_source_length=9,
            max_target_length=9,
            take_from="none",
        )
        build(params, folder / "raw", folder / "tokenized", folder / "statistics.json")
        self._tokenizer = folder / "tokenized/tokenizer"

    def __call__(self, folder: Path, weights: bytes) -> None:
        source, target = load_tokenizers(self._tokenizer)
        sizes = {"source_vocab_size": source.vocab_size, "target_vocab_size": target.vocab_size}
        config = tiny_config(embedding_size=8, hidden_size=8, attention="dot", **sizes)
        epochs = [1, 2] if folder.name == "best" else [2]
        seeds = [torch.Generator().manual_seed(len(weights) * epoch) for epoch in epochs]
        kept = [model_tensors(Seq2Seq(config, seed)) for seed in seeds]
        metadata = {"kept": [{"epoch": epoch} for epoch in epochs]} if len(epochs) > 1 else {}
        write_checkpoint(folder, config, kept, self._tokenizer, metadata)


@pytest.fixture
def translating(published: Project) -> Iterator[Project]:
    """The published project, with its store as the process-wide one, and one thread."""
    mlflow.set_tracking_uri(f"sqlite:///{published.root}/mlflow.db")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield published
    torch.set_num_threads(before)


def expected(project: Project, name: str = "best", parameters: Parameters = "ensemble") -> list[str]:
    translator = Translator.load(project.root / "models" / name, parameters=parameters)
    return [best.text for best, *_ in translator.translate(TEXTS, **SEARCH)]  # type: ignore[arg-type]


def test_the_registered_model_translates_as_evaluate_does(translating: Project) -> None:
    model = mlflow.pyfunc.load_model("models:/seqlab-grammar-en-fr@newest")
    assert model.predict(TEXTS) == expected(translating)
    assert len(set(expected(translating))) > 1
    assert expected(translating) != expected(translating, parameters="best")
    schema = model.metadata.signature
    assert [str(column.type) for column in (*schema.inputs, *schema.outputs)] == ["DataType.string"] * 2
    assert model.input_example == ["The small cat sleeps."]


def test_the_last_epochs_model_translates_with_its_own_parameters(translating: Project) -> None:
    (last,) = MlflowClient().search_logged_models(["1"], "name = 'last'")
    assert mlflow.pyfunc.load_model(last.model_uri).predict(TEXTS) == expected(translating, "last", "best")


@pytest.mark.parametrize("bad", [[1, 2], ["text", None], "text", {"text": "a"}, [["a"]]])
def test_a_request_that_is_no_list_of_texts_is_refused(translating: Project, bad: object) -> None:
    model = mlflow.pyfunc.load_model("models:/seqlab-grammar-en-fr@newest")
    with pytest.raises(MlflowException) as caught:
        model.predict(bad)
    assert status_of(caught.value) == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"inputs": ["the cat"]}, 200),
        ({"inputs": [1]}, 400),
        ({"inputs": "the cat"}, 400),
        ({"texts": ["the cat"]}, 400),
        ({"inputs": ["\ud800"]}, 400),
        ({"inputs": [""] * MOST_TEXTS}, 200),
        ({"inputs": [""] * (MOST_TEXTS + 1)}, 400),
        ({"inputs": ["a" * LONGEST_TEXT]}, 200),
        ({"inputs": ["a" * (LONGEST_TEXT + 1)]}, 400),
    ],
)
def test_the_server_answers_bad_requests_with_400(translating: Project, body: object, status: int) -> None:
    model = mlflow.pyfunc.load_model("models:/seqlab-grammar-en-fr@newest")
    assert answer(model, body)[0] == status


def test_the_server_answers_with_the_translations(translating: Project) -> None:
    model = mlflow.pyfunc.load_model("models:/seqlab-grammar-en-fr@newest")
    assert answer(model, {"inputs": TEXTS}) == (200, expected(translating))


def answer(model: PyFuncModel, body: object) -> tuple[int, object]:
    """Status and predictions, as MLflow's scoring server gives them; it answers with an exception's own status."""
    try:
        schema = model.metadata.get_input_schema()  # type: ignore[no-untyped-call]
        result = invocations(json.dumps(body), "application/json", model, schema)  # type: ignore[no-untyped-call]
    except MlflowException as error:
        return status_of(error), None
    return result.status, json.loads(result.response)["predictions"]


def status_of(error: MlflowException) -> int:
    return int(error.get_http_status_code())  # type: ignore[no-untyped-call]


def test_a_runs_checkpoint_is_downloaded_once(translating: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    run = MlflowClient().search_runs(["1"])[0].info
    folder = download_checkpoint(run.run_id, translating.root)
    for name in ("model.safetensors", "model-2.safetensors"):
        assert (folder / name).read_bytes() == (translating.root / "models/best" / name).read_bytes()
    Translator.load(folder, parameters="ensemble")
    monkeypatch.delattr(downloads_module, "_download")
    for other in (run.run_name, run.run_name[-6:]):
        assert download_checkpoint(other, translating.root) == folder


@pytest.mark.parametrize("run", ["none", "f" * 32, "a'b", "%", "a_b"])
def test_a_run_that_does_not_exist_is_named(tracked: Project, run: str) -> None:
    with pytest.raises(SeqlabError, match="no run"):
        download_checkpoint(run, tracked.root)


@pytest.mark.slow
def test_it_is_served(translating: Project) -> None:
    """`mlflow models predict` in a process of its own, as `mlflow models serve` loads it."""
    request = translating.root / "request.json"
    request.write_text(json.dumps({"inputs": TEXTS}), "utf-8")
    uri = f"sqlite:///{translating.root}/mlflow.db"
    command = [sys.executable, "-m", "mlflow", "models", "predict", "-m", "models:/seqlab-grammar-en-fr@newest"]
    done = subprocess.run(
        [*command, "--env-manager", "local", "--input-path", str(request)],
        env={**os.environ, "MLFLOW_TRACKING_URI": uri},
        cwd=translating.root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.strip().splitlines()[-1])["predictions"] == expected(translating)
