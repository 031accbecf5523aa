"""Training that starts from the parameters of a checkpoint."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params
from seqlab.seq2seq.checkpoint import load_checkpoint, model_tensors
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.seq2seq.origin_note import OriginNote, write_note
from seqlab.tokenizing.build import build
from seqlab.training.digests import DIGESTS, ParameterDigests
from seqlab.training.interruption import Interrupted
from seqlab.training.origin import load_start
from tests.training.conftest import STEPS_PER_EPOCH, Training, make_params, stop_at

Trainings = Callable[[str], Training]
NOTE = OriginNote("tf0.50-h7-gru-s1-0123ab", "0123ab" + 58 * "0")
# No float32 parameter moves by it.
NO_STEP: dict[str, Any] = {"optimizer": "sgd", "learning_rate": 1e-30, "epochs": 1}


@pytest.fixture
def origin(trainings: Trainings) -> Path:
    """The best checkpoint of a training of another length."""
    trainings("origin")(make_params(train={"epochs": 2, "early_stopping_metric": "loss"}))
    folder = trainings("origin").folder / "models/best"
    write_note(folder, NOTE)
    return folder


def fine_tuning(**train: Any) -> Params:
    return make_params(train={"start_from": "base", "learning_rate": 0.001, "epochs": 2} | train)


def training_json(files: dict[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files["reports/training.json"])
    return found


def digests_of(model: Seq2Seq) -> torch.Tensor:
    return ParameterDigests(model).table[0]


def test_the_first_step_is_made_from_the_origin_s_parameters(origin: Path, training: Training) -> None:
    files = training(fine_tuning(), origin=origin)
    table = safetensors.torch.load(files["models/digests.safetensors"])[DIGESTS]
    assert table[0].equal(digests_of(load_checkpoint(origin)))
    assert not table[0].equal(table[1])


@pytest.mark.parametrize("average_decay", [0.0, 0.9])
def test_before_the_first_step_the_loss_is_the_origin_s(origin: Path, training: Training, average_decay: float) -> None:
    before = json.loads((origin / "config.json").read_bytes())["training"]["valid"]
    found = training_json(training(fine_tuning(average_decay=average_decay, **NO_STEP), origin=origin))
    assert found["started_from"]["valid"] == {
        "loss": pytest.approx(before["loss"], rel=1e-5),
        "perplexity": pytest.approx(before["perplexity"], rel=1e-5),
        "bleu": pytest.approx(before["bleu"], rel=1e-5),
        "exact_match": found["best"]["exact_match"],
    }
    # And after an epoch of steps that move nothing.
    assert found["best"]["loss"] == found["started_from"]["valid"]["loss"]


def test_training_json_says_what_it_started_from(origin: Path, training: Training) -> None:
    started_from = training_json(training(fine_tuning(), origin=origin))["started_from"]
    assert {key: started_from[key] for key in ("origin", "run", "fingerprint")} == {
        "origin": origin.name,
        "run": NOTE.run,
        "fingerprint": NOTE.fingerprint,
    }
    assert re.fullmatch("[0-9a-f]{64}", started_from["sha256"])


def test_without_an_origin_nothing_is_said_of_one(expected: dict[str, bytes]) -> None:
    assert "started_from" not in training_json(expected)


def test_optimizer_schedule_and_steps_begin_anew(origin: Path, training: Training) -> None:
    """As from random parameters that happen to be the same."""
    files = training(fine_tuning(warmup_steps=5, learning_rate_schedule="inverse_sqrt"), origin=origin)
    rows = files["reports/steps.csv"].decode().splitlines()
    assert rows[1].startswith("3,1,")
    assert float(rows[1].split(",")[3]) == pytest.approx(0.001 * 3 / 5)
    assert training_json(files)["steps"] == 2 * STEPS_PER_EPOCH


@pytest.mark.parametrize("stopped", [1, 2, 5, 9])
def test_an_interrupted_fine_tuning_ends_in_the_same_bytes(origin: Path, trainings: Trainings, stopped: int) -> None:
    whole = trainings("whole")(fine_tuning(average_decay=0.5), origin=origin)
    with pytest.raises(Interrupted):
        trainings("parts")(fine_tuning(average_decay=0.5), origin=origin, stop=stop_at(stopped))
    assert trainings("parts")(fine_tuning(average_decay=0.5), origin=origin) == whole


def other(origin: Path, **options: Any) -> tuple[ModelConfig, Path]:
    config = load_checkpoint(origin).config
    values = {name: getattr(config, name) for name in ModelConfig.__dataclass_fields__}
    return ModelConfig(**values | options), origin / "tokenizer"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "lstm"}, "set model.cell to gru (not lstm)"),
        (
            {"hidden_size": 9, "bidirectional": True},
            "set model.hidden_size to 7 and model.bidirectional to false (not 9, true)",
        ),
    ],
)
def test_another_model_is_refused(origin: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SeqlabError, match=re.escape(message)) as refused:
        load_start(origin, *other(origin, **options))
    assert "\n" not in str(refused.value)


def test_another_dropout_is_not(origin: Path) -> None:
    found = load_start(origin, *other(origin, dropout=0.7))
    assert all(tensor.equal(found.tensors[name]) for name, tensor in model_tensors(load_checkpoint(origin)).items())


def test_tokenizers_of_the_same_sizes_and_other_words_are_refused(origin: Path, corpus: Path, tmp_path: Path) -> None:
    # Each letter another one: as many tokens.
    raw = tmp_path / "raw"
    raw.mkdir()
    for path in (corpus / "raw").iterdir():
        text = path.read_text("utf-8").translate(str.maketrans("abcdefgh", "ABCDEFGH"))
        (raw / path.name).write_text(re.sub('"[A-Za-z]+":', lambda key: key[0].lower(), text), "utf-8")
    build(make_params().tokenizer, raw, tmp_path / "tokenized", tmp_path / "statistics.json")
    config, _ = other(origin)
    with pytest.raises(SeqlabError, match=r"source and target tokens of .* set tokenizer.take_from to best too"):
        load_start(origin, config, tmp_path / "tokenized/tokenizer")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "holds no checkpoint .* `seqlab take best`"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\x80\x04" + bytes(30)), "pickle"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"no"), "damaged"),
        (lambda folder: (folder / "tokenizer/source.model").write_bytes(b"no"), "is not the model that config.json"),
        (
            lambda folder: (folder / "origin.json").write_text('{"run": "a\\nb", "fingerprint": ""}'),
            "does not name a run",
        ),
        (lambda folder: (folder / "origin.json").write_text("[]"), "does not name a run"),
    ],
)
def test_a_damaged_origin_is_refused(origin: Path, damage: Callable[[Path], None], message: str) -> None:
    config, tokenizer = other(origin)
    kept = shutil.copytree(tokenizer, origin.parent / "kept")
    damage(origin)
    with pytest.raises(SeqlabError, match=message):
        load_start(origin, config, kept)
