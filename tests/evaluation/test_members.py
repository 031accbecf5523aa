"""An ensemble of runs: a checkpoint that translates together with those of other runs."""

import json
import math
import pickle
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from seqlab.core import parallel
from seqlab.core.errors import SeqlabError
from seqlab.core.special_tokens import EOS, PAD, SOS
from seqlab.evaluation.members import find_members
from seqlab.evaluation.parameters import Parameters
from seqlab.evaluation.translator import Translator
from seqlab.params.schema import EvaluateParams, TokenizerParams
from seqlab.seq2seq.checkpoint import load_checkpoint, model_tensors
from seqlab.seq2seq.engines.choice import CPU, PLAIN
from seqlab.seq2seq.engines.engine import Engine
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.seq2seq.origin_note import OriginNote, write_note
from seqlab.tokenizing.build import build
from tests.evaluation.conftest import examples, score, write_corpus, write_kept
from tests.evaluation.test_parameters import plain_loss
from tests.seq2seq.model.tiny import untrained_model
from tests.seq2seq.saved import save_checkpoint

MakeParams = Callable[..., EvaluateParams]
NOTE = OriginNote("tf1.00-h20-lstm-s2-0123ab", "0123ab" + 58 * "0")
SEARCH: dict[str, Any] = {"length_penalty": 1.0, "max_length": 30}


def other_model(root: Path) -> Seq2Seq:
    """Of another cell and size than that in `root`; with what says something, since none trained it."""
    own = load_checkpoint(root / "models/best").config
    sizes = {"source_vocab_size": own.source_vocab_size, "target_vocab_size": own.target_vocab_size}
    model = untrained_model(3, cell="lstm", embedding_size=8, hidden_size=20, **sizes)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    return model


@pytest.fixture
def seeds(root: Path, best: Path, tmp_path: Path) -> Path:
    """A folder of two checkpoints: another shape, whose run is known, and the shape of `best` with other numbers."""
    folder = tmp_path / "models/origins/seeds"
    tokenizer = root / "models/best/tokenizer"
    save_checkpoint(folder / "0123ab", other_model(root), tokenizer, {})
    write_note(folder / "0123ab", NOTE)
    save_checkpoint(folder / "mine", load_checkpoint(best, rank=3), tokenizer, {})
    return folder


def models_of(best: Path, seeds: Path) -> list[Seq2Seq]:
    return [load_checkpoint(best), load_checkpoint(seeds / "0123ab"), load_checkpoint(seeds / "mine")]


def run(
    params: EvaluateParams, root: Path, best: Path, ensemble_with: Path | None, name: str, engine: Engine = CPU
) -> dict[str, bytes]:
    return score(params, root, best.parent.parent / name, checkpoint=best, ensemble_with=ensemble_with, engine=engine)


@torch.no_grad()
def plain_greedy(models: Sequence[Seq2Seq], source: Sequence[int], max_length: int) -> tuple[list[int], float]:
    """One sentence, one word at a time: the most probable by the mean of the models' probabilities."""
    ids, length = torch.tensor([[*source, EOS]]), torch.tensor([len(source) + 1])
    memories = [model.encode(ids, length) for model in models]
    states = [model.initial_state(memory) for model, memory in zip(models, memories, strict=True)]
    words: list[int] = [SOS]
    log_probability = 0.0
    while len(words) <= max_length and words[-1] != EOS:
        fed = torch.tensor([words[-1]])
        found = [model.step(fed, *each) for model, each in zip(models, zip(states, memories, strict=True), strict=True)]
        states = [state for _, state, _ in found]
        mean = torch.stack([scores[0].double().softmax(0) for scores, _, _ in found]).mean(0)
        mean[[PAD, SOS]] = 0
        words.append(int(mean.argmax()))
        log_probability += math.log(mean[words[-1]])
    return [word for word in words if word not in (SOS, EOS)], log_probability


def test_evaluate_translates_and_scores_with_all_of_them(
    root: Path, best: Path, seeds: Path, evaluate_params: MakeParams
) -> None:
    files = run(evaluate_params(ensemble_with="seeds"), root, best, seeds, "reports")
    translator = Translator.load(best)
    models = models_of(best, seeds)
    sources = [example.source for example in parallel.read(root / "data/raw/test.jsonl")]
    records = [json.loads(line) for line in files["translations.jsonl"].decode().removesuffix("\n").split("\n")]
    for record, ids in zip(records, translator.encode(sources), strict=True):
        words, log_probability = plain_greedy(models, ids, 30) if ids else ([], 0.0)
        assert record["translation"] == translator.target.decode([words])[0]
        assert record["score"] == pytest.approx(log_probability, abs=1.1e-4)
    scores = json.loads(files["scores.json"])
    assert scores["loss"] == pytest.approx(plain_loss(models, root), abs=1e-5)
    assert scores["perplexity"] == pytest.approx(math.exp(scores["loss"]))
    alone = run(evaluate_params(), root, best, None, "alone")
    assert alone["translations.jsonl"] != files["translations.jsonl"]
    assert "ensemble_with" not in json.loads(alone["scores.json"])


def test_scores_json_says_whose_models(root: Path, best: Path, seeds: Path, evaluate_params: MakeParams) -> None:
    files = run(evaluate_params(ensemble_with="seeds"), root, best, seeds, "reports")
    first, second = json.loads(files["scores.json"])["ensemble_with"]
    assert first.pop("sha256") != second.pop("sha256")
    assert first == {"origin": "seeds/0123ab", "run": NOTE.run, "fingerprint": NOTE.fingerprint}
    assert second == {"origin": "seeds/mine"}
    # An ensemble's loss is step by step, by the steps of the engine: those of the plain one round otherwise.
    plain = run(evaluate_params(ensemble_with="seeds"), root, best, seeds, "plain", PLAIN)
    found, expected = (json.loads(each["scores.json"]) for each in (plain, files))
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-4)
    assert (found["bleu"], found["ensemble_with"]) == (expected["bleu"], expected["ensemble_with"])


def test_one_checkpoint_is_a_member_too(root: Path, best: Path, seeds: Path) -> None:
    (member,) = find_members(seeds / "mine", best)
    assert (member.folder, member.origin.name, member.origin.note) == (seeds / "mine", "mine", None)


def test_each_run_counts_the_same_however_many_epochs_it_keeps(
    root: Path, best: Path, seeds: Path, evaluate_params: MakeParams
) -> None:
    shutil.rmtree(seeds / "0123ab")
    own = [dict(model_tensors(load_checkpoint(best, rank=rank))) for rank in (1, 2, 3)]
    write_kept(seeds / "mine", root, [own[2], own[0]])
    params = evaluate_params(ensemble_with="seeds", parameters="ensemble")
    scores = json.loads(run(params, root, best, seeds, "reports")["scores.json"])
    models = [load_checkpoint(best, rank=rank) for rank in (1, 2, 3)]
    weights = [1 / 6 + 1 / 4, 1 / 6, 1 / 6 + 1 / 4]
    assert scores["loss"] == pytest.approx(plain_loss(models, root, weights), abs=1e-5)
    assert scores["loss"] != pytest.approx(plain_loss(models, root), abs=1e-3)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_a_run_with_itself_is_the_run_alone(beam_size: int, root: Path, best: Path) -> None:
    """Up to the rounding of a mean of logarithms in float32."""
    sources = [example.source for example in parallel.read(root / "data/raw/test.jsonl")]
    options = SEARCH | {"beam_size": beam_size, "n_best": beam_size, "batch_size": 8}
    alone = Translator.load(best).translate(sources, **options)
    together = Translator.load(best, others=[best]).translate(sources, **options)
    assert [[each.text for each in found] for found in together] == [[each.text for each in found] for found in alone]
    for found, expected in zip(together, alone, strict=True):
        assert [each.score for each in found] == pytest.approx([each.score for each in expected], abs=1e-4)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_a_translation_does_not_depend_on_its_batch(beam_size: int, root: Path, best: Path, seeds: Path) -> None:
    sources = [example.source for example in parallel.read(root / "data/raw/test.jsonl")]
    translator = Translator.load(best, others=[seeds / "0123ab", seeds / "mine"])
    found = [
        [each[0].text for each in translator.translate(sources, batch_size=size, beam_size=beam_size, **SEARCH)]
        for size in (1, 7, 1000)
    ]
    assert found[0] == found[1] == found[2]


def _of_other_words(folder: Path, tmp: Path) -> None:
    write_corpus(tmp, examples(3, seed=9))
    text = [example.source for example in examples(60, seed=1)]
    odd = [parallel.Example(each.replace("la", "le"), (each.replace("nuit", "nacht"),)) for each in text]
    parallel.write(tmp / "data/raw/train.jsonl", odd)
    params = TokenizerParams(
        kind="word", vocab_size=100, vocabulary="separate", max_source_length=12, max_target_length=40, take_from="none"
    )
    build(params, tmp / "data/raw", tmp / "data/tokenized", tmp / "data/statistics.json")
    shutil.rmtree(folder / "mine/tokenizer")
    shutil.copytree(tmp / "data/tokenized/tokenizer", folder / "mine/tokenizer")


REFUSED: dict[str, tuple[Callable[[Path, Path, Path], object], str]] = {
    "missing": (lambda folder, *_: shutil.rmtree(folder), r"seeds holds no checkpoint; `seqlab take seeds --run RUN`"),
    "empty": (lambda folder, *_: list(map(shutil.rmtree, folder.iterdir())), "seeds holds no checkpoint"),
    "no checkpoint": (lambda folder, *_: (folder / "notes").mkdir(), r"notes holds no checkpoint \(config.json is"),
    "no parameters": (
        lambda folder, *_: (folder / "mine/model.safetensors").unlink(),
        "mine: model.safetensors: No",
    ),
    "a pickle": (
        lambda folder, *_: (folder / "mine/model.safetensors").write_bytes(pickle.dumps({"a": 1})),
        "is a pickle, which can run any code: refused",
    ),
    "a note that is none": (lambda folder, *_: (folder / "mine/origin.json").write_text("[]"), "does not name a run"),
    "other words": (
        lambda folder, _, tmp: _of_other_words(folder, tmp),
        "the source and target tokens of .*mine are not those of .*best, .* or train with tokenizer.take_from",
    ),
    "itself": (
        lambda folder, best, _: shutil.copyfile(best / "model.safetensors", folder / "mine/model.safetensors"),
        "mine is the model of .*best itself, which would count twice",
    ),
    "twice": (
        lambda folder, *_: shutil.copytree(folder / "mine", folder / "copy"),
        "seeds/copy and seeds/mine are one model, which would count twice: delete all but one",
    ),
}


@pytest.mark.parametrize(("damage", "message"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_ensemble_is_refused(
    damage: Callable[[Path, Path, Path], object],
    message: str,
    root: Path,
    best: Path,
    seeds: Path,
    tmp_path: Path,
    evaluate_params: MakeParams,
) -> None:
    damage(seeds, best, tmp_path / "elsewhere")
    with pytest.raises(SeqlabError, match=rf"^evaluate\.ensemble_with: .*{message}") as refused:
        run(evaluate_params(ensemble_with="seeds"), root, best, seeds, "reports")
    assert "\n" not in str(refused.value)
    assert not (best.parent.parent / "reports").exists()


@pytest.mark.parametrize("parameters", ["average", "ensemble"])
def test_a_member_needs_the_epochs_that_are_asked_for(parameters: Parameters, best: Path, seeds: Path) -> None:
    message = r"^evaluate\.ensemble_with: .*mine holds the parameters of one epoch"
    with pytest.raises(SeqlabError, match=message):
        Translator.load(best, "cpu", parameters, [seeds / "mine"])


def test_without_a_model_of_its_own(best: Path, seeds: Path) -> None:
    (best / "model.safetensors").unlink()
    with pytest.raises(SeqlabError, match=r"^no checkpoint in .*best: model\.safetensors: No such file"):
        find_members(seeds, best)
