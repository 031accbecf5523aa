"""Which of a checkpoint's parameters translate: the best, their mean, or all together."""

import json
import math
import pickle
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from seqlab.core import parallel
from seqlab.core.errors import SeqlabError
from seqlab.core.special_tokens import SOS
from seqlab.evaluation.exposure import exposure, loss_after_truth
from seqlab.evaluation.parameters import Parameters, load_model
from seqlab.evaluation.search.ensemble import Ensemble
from seqlab.evaluation.translator import Translator
from seqlab.params.schema import EvaluateParams
from seqlab.scoring.perplexity import perplexity
from seqlab.seq2seq.checkpoint import load_checkpoint, model_tensors
from seqlab.seq2seq.engines.choice import CPU
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import sequential
from seqlab.text.encoded import open_split
from tests.evaluation.conftest import score

MakeParams = Callable[..., EvaluateParams]
KEPT = 3


def files(folder: Path) -> list[Path]:
    return [folder / name for name in ("model.safetensors", "model-2.safetensors", "model-3.safetensors")]


def test_average_is_the_mean_of_the_files(best: Path) -> None:
    contents = [load_file(path) for path in files(best)]
    model = load_model(best, "average")
    assert isinstance(model, Seq2Seq)
    for name, tensor in model_tensors(model).items():
        mean = np.mean([content[name].astype(np.float64) for content in contents], axis=0)
        assert tensor.numpy().tobytes() == mean.astype(np.float32).tobytes()


def test_best_is_the_first_file(best: Path, root: Path) -> None:
    model = load_model(best, "best")
    assert isinstance(model, Seq2Seq)
    expected = model_tensors(load_checkpoint(root / "models/best"))
    assert all(torch.equal(tensor, expected[name]) for name, tensor in model_tensors(model).items())


def test_ensemble_has_every_file(best: Path) -> None:
    model = load_model(best, "ensemble")
    assert isinstance(model, Ensemble)
    for member, path in zip(model.members, files(best), strict=True):
        content = load_file(path)
        assert all((tensor.numpy() == content[name]).all() for name, tensor in model_tensors(member).items())


@pytest.mark.parametrize("parameters", ["average", "ensemble"])
def test_one_epoch_alone_is_refused(parameters: Parameters, root: Path) -> None:
    with pytest.raises(SeqlabError, match=r"holds the parameters of one epoch, .*train\.keep_checkpoints 2 or more"):
        load_model(root / "models/best", parameters)


def _lay(path: Path) -> None:
    content = load_file(path)
    save_file(content | {"decoder.embedding.weight": np.zeros((3, 4), np.float32)}, path)


def _blow_up(path: Path) -> None:
    content = load_file(path)
    content["decoder.output_bias"][1] = np.inf
    save_file(content, path)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pickle": (lambda path: path.write_bytes(pickle.dumps({"a": 1})), "is a pickle, which can run any code: refused"),
    "another layout": (_lay, "tensor decoder.embedding.weight is 3×4 F32, where config.json asks for"),
    "not finite": (_blow_up, "decoder.output_bias holds numbers that are not finite"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is damaged or no safetensors file"),
    "missing": (lambda path: path.unlink(), "No such file"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("parameters", ["average", "ensemble"])
@pytest.mark.parametrize("rank", [2, 3])
def test_every_file_is_looked_at(
    rank: int, parameters: Parameters, damage: Callable[[Path], object], message: str, best: Path
) -> None:
    path = files(best)[rank - 1]
    damage(path)
    with pytest.raises(SeqlabError) as refused:
        load_model(best, parameters)
    assert message in str(refused.value)
    assert path.name in str(refused.value)
    assert load_model(best, "best")


@pytest.mark.parametrize("kept", [[], "three", None, 3, [{"epoch": 1}]])
def test_a_list_of_epochs_that_is_none_is_refused(kept: object, best: Path) -> None:
    content = json.loads((best / "config.json").read_text("utf-8"))
    content["training"]["kept"] = kept
    (best / "config.json").write_text(json.dumps(content), "utf-8")
    with pytest.raises(SeqlabError, match=r"config.json is damaged or no description of a checkpoint"):
        load_model(best, "average")


def test_an_ensemble_of_identical_members_has_the_loss_of_one(root: Path) -> None:
    one = load_checkpoint(root / "models/best")
    batches = list(sequential(open_split(root / "data/tokenized/test"), 8))
    together = exposure(Ensemble([one, one, one]), batches)
    assert loss_after_truth(together) == pytest.approx(perplexity(one, batches, CPU)[0], abs=1e-5)
    for each, expected in zip(together, exposure(one, batches), strict=True):
        assert each.gold_nll == pytest.approx(expected.gold_nll, abs=1e-5)
        assert each.own_nll == pytest.approx(expected.own_nll, abs=1e-5)


@torch.no_grad()
def plain_loss(models: Sequence[Seq2Seq], root: Path, weights: Sequence[float] = ()) -> float:
    """One sentence, one model, one token at a time: the weighted mean of the probabilities of the true tokens."""
    weights = weights or [1 / len(models)] * len(models)
    total, tokens = 0.0, 0
    for batch in sequential(open_split(root / "data/tokenized/test"), 1):
        target = batch.target[0, : int(batch.target_lengths[0])].tolist()
        found = []
        for model in models:
            memory = model.encode(batch.source, batch.source_lengths)
            state, probabilities = model.initial_state(memory), []
            for before, token in zip([SOS, *target], target, strict=False):
                scores, state, _ = model.step(torch.tensor([before]), state, memory)
                probabilities.append(scores[0].double().softmax(0)[token].item())
            found.append(probabilities)
        total -= sum(math.log(np.dot(column, weights)) for column in zip(*found, strict=True))
        tokens += len(target)
    return total / tokens


@pytest.mark.parametrize("parameters", ["average", "ensemble"])
def test_evaluate_translates_and_scores_with_them(
    parameters: Parameters, best: Path, root: Path, evaluate_params: MakeParams
) -> None:
    reports = best.parent.parent / "reports"
    params = evaluate_params(parameters=parameters, beam_size=3)
    score(params, root, reports, checkpoint=best)
    lines = (reports / "translations.jsonl").read_text("utf-8").removesuffix("\n").split("\n")
    sources = [example.source for example in parallel.read(root / "data/raw/test.jsonl")]
    translator = Translator.load(best, "cpu", parameters)
    options = {"beam_size": 3, "length_penalty": 1.0, "max_length": 30, "batch_size": 5}
    expected = [found[0].text for found in translator.translate(sources, **options)]  # type: ignore[arg-type]
    assert [json.loads(line)["translation"] for line in lines] == expected
    scores = json.loads((reports / "scores.json").read_text("utf-8"))
    model = translator.model
    models = [model] if isinstance(model, Seq2Seq) else [load_checkpoint(best, rank=rank) for rank in (1, 2, 3)]
    assert scores["loss"] == pytest.approx(plain_loss(models, root), abs=1e-5)
    assert scores["perplexity"] == pytest.approx(math.exp(scores["loss"]))


def test_they_translate_otherwise_than_the_best(best: Path, root: Path) -> None:
    """The other tests would say little if all three were the same."""
    sources = [example.source for example in parallel.read(root / "data/raw/test.jsonl")]
    options = {"beam_size": 1, "length_penalty": 1.0, "max_length": 30, "batch_size": 8}
    found = {
        parameters: [each[0].score for each in Translator.load(best, "cpu", parameters).translate(sources, **options)]  # type: ignore[arg-type]
        for parameters in ("best", "average", "ensemble")
    }
    assert len({tuple(scores) for scores in found.values()}) == 3


def test_a_copy_without_the_list_is_of_one_epoch(best: Path, tmp_path: Path) -> None:
    shutil.copytree(best, tmp_path / "copy")
    content = json.loads((best / "config.json").read_text("utf-8"))
    del content["training"]["kept"]
    (tmp_path / "copy/config.json").write_text(json.dumps(content), "utf-8")
    with pytest.raises(SeqlabError, match="one epoch"):
        load_model(tmp_path / "copy", "ensemble")
