import csv
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sacrebleu
import torch
from sacrebleu import BLEU, CHRF, TER

from seqlab.core import parallel
from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.core.special_tokens import EOS, SOS
from seqlab.evaluation.evaluation import ATTENTION_MAPS, _spread
from seqlab.evaluation.translation import Translation
from seqlab.evaluation.translator import Translator
from seqlab.params.schema import EvaluateParams
from seqlab.text.escape import unescape
from seqlab.text.tokenizer import load_tokenizers
from seqlab.text.words import join
from tests.evaluation.conftest import MAX_SOURCE_LENGTH, examples, score, train_model, write_corpus

MakeParams = Callable[..., EvaluateParams]
FILES = ["attention.json", "bleu_by_length.csv", "exposure.csv", "metrics.json", "scores.json", "translations.jsonl"]


def run(params: EvaluateParams, root: Path, reports: Path, raw: Path | None = None) -> None:
    score(params, root, reports, measure="exact_match", raw=raw or root / "data/raw")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def read_records(reports: Path) -> list[dict[str, Any]]:
    lines = (reports / "translations.jsonl").read_text("utf-8").split("\n")
    assert lines.pop() == ""
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def reports(root: Path, tmp_path_factory: pytest.TempPathFactory, evaluate_params: MakeParams) -> Path:
    folder = tmp_path_factory.mktemp("evaluated") / "reports"
    run(evaluate_params(beam_size=3, n_best=2), root, folder)
    return folder


def streams(references: Sequence[Sequence[str]]) -> list[list[Any]]:
    width = max(map(len, references))
    return [[texts[place] if place < len(texts) else None for texts in references] for place in range(width)]


def test_files(reports: Path) -> None:
    assert sorted(path.name for path in reports.iterdir()) == FILES


def test_translations_are_the_test_set_in_its_order(root: Path, reports: Path) -> None:
    records = read_records(reports)
    test_set = list(parallel.read(root / "data/raw/test.jsonl"))
    assert [(record["source"], tuple(record["references"])) for record in records] == [
        (example.source, example.references) for example in test_set
    ]
    found = Translator.load(root / "models/best").translate(
        [example.source for example in test_set],
        beam_size=3,
        length_penalty=1.0,
        max_length=30,
        n_best=2,
        batch_size=8,
    )
    for record, best in zip(records, found, strict=True):
        assert (record["translation"], record["score"]) == (best[0].text, round(best[0].score, 4))
        pairs = [(each["translation"], each["score"]) for each in record.get("n_best", [])]
        assert pairs == [(each.text, round(each.score, 4)) for each in best] or (pairs == [] and record["source"] == "")


@pytest.mark.parametrize(("name", "metric"), [("bleu", BLEU), ("chrf", CHRF), ("ter", TER)])
def test_scores_are_sacrebleus_own_with_ragged_references(reports: Path, name: str, metric: Any) -> None:
    records = read_records(reports)
    scorer = metric()
    result = scorer.corpus_score(
        [record["translation"] for record in records],
        streams([record["references"] for record in records]),
        n_bootstrap=100,
    )
    ours = read_json(reports / "scores.json")[name]
    assert ours["score"] == pytest.approx(result.score)
    assert ours["signature"] == str(scorer.get_signature())
    assert "nrefs:var|" in ours["signature"]
    assert ours["low"] == pytest.approx(max(0, result._mean - result._ci))
    assert ours["high"] == pytest.approx(result._mean + result._ci)


def test_dvc_s_metrics_are_the_figures_of_the_scores_alone(reports: Path) -> None:
    scores, metrics = read_json(reports / "scores.json"), read_json(reports / "metrics.json")
    assert list(metrics) == ["bleu", "chrf", "ter", "exact_match", "perplexity"]
    expected = [scores[name]["score"] for name in list(metrics)[:-1]] + [scores["perplexity"]]
    assert list(metrics.values()) == [pytest.approx(value, abs=5e-5) for value in expected]


def test_scores_are_those_of_the_command_line(root: Path, tmp_path: Path, evaluate_params: MakeParams) -> None:
    test_set = [
        Example(example.source, example.references[:1]) for example in parallel.read(root / "data/raw/test.jsonl")
    ]
    parallel.write(tmp_path / "raw/test.jsonl", test_set)
    run(evaluate_params(), root, tmp_path / "reports", tmp_path / "raw")
    scores = read_json(tmp_path / "reports/scores.json")
    records = read_records(tmp_path / "reports")
    for name, lines in (
        ("output", [record["translation"] for record in records]),
        ("reference", [record["references"][0] for record in records]),
    ):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    command = [sys.executable, "-m", "sacrebleu", str(tmp_path / "reference"), "-i", str(tmp_path / "output")]
    command += ["-m", "bleu", "chrf", "ter", "--confidence", "--confidence-n", "100", "-w", "6", "--format", "json"]
    environment = {key: value for key, value in os.environ.items() if key != "SACREBLEU_SEED"}
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=120)
    for name, expected in zip(("bleu", "chrf", "ter"), json.loads(printed.stdout), strict=True):
        ours = scores[name]
        assert ours["score"] == pytest.approx(expected["score"], abs=1e-6)
        assert (ours["low"] + ours["high"]) / 2 == pytest.approx(expected["confidence_mean"], abs=2e-6)
        assert (ours["high"] - ours["low"]) / 2 == pytest.approx(expected["confidence_var"], abs=2e-6)
        assert ours["signature"] == expected["signature"]


def test_known_output_has_its_documented_score(
    tmp_path: Path, evaluate_params: MakeParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The example of sacreBLEU's documentation.
    output = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
    references = [
        ("The dog bit the man.", "The dog had bit the man."),
        ("It was not unexpected.", "No one was surprised."),
        ("The man bit him first.", "The man had bitten the dog."),
    ]
    write_corpus(tmp_path, [Example(f"la {number}", texts) for number, texts in enumerate(references)])
    train_model(tmp_path, attention="none", steps=0)
    monkeypatch.setattr(Translator, "translate", lambda *_, **__: [[Translation(text, -1.0)] for text in output])
    run(evaluate_params(), tmp_path, tmp_path / "reports")
    bleu = read_json(tmp_path / "reports/scores.json")["bleu"]
    assert bleu["score"] == pytest.approx(48.53, abs=0.005)
    assert bleu["signature"] == (
        "nrefs:2|bs:100|seed:12345|case:mixed|eff:no|tok:13a|smooth:exp|version:" + sacrebleu.__version__
    )


def test_sentence_bleu(reports: Path) -> None:
    for record in read_records(reports):
        expected = sacrebleu.sentence_bleu(record["translation"], record["references"], use_effective_order=True).score
        assert record["bleu"] == round(expected, 4)


def test_counts(reports: Path, root: Path) -> None:
    scores, records = read_json(reports / "scores.json"), read_records(reports)
    source, _ = load_tokenizers(root / "data/tokenized/tokenizer")
    lengths = [len(ids) for ids in source.encode([record["source"] for record in records])]
    matches = sum(record["translation"] in record["references"] for record in records)
    assert scores["examples"] == len(records)
    assert MAX_SOURCE_LENGTH in lengths
    assert scores["truncated"] == sum(length > MAX_SOURCE_LENGTH for length in lengths) > 0
    exact = scores["exact_match"]
    assert exact["score"] == pytest.approx(100 * matches / len(records))
    assert 0 <= exact["low"] < exact["score"] < exact["high"] <= 100
    assert json.loads((reports / "metrics.json").read_text())["exact_match"] == round(exact["score"], 4)
    assert scores["measure"] == "exact_match"


def test_exact_match_by_length(reports: Path) -> None:
    rows = list(csv.DictReader((reports / "bleu_by_length.csv").read_text().splitlines()))
    records = read_records(reports)
    for row in rows:
        bound = float(row["high"] or "inf")
        matches = [
            record["translation"] in record["references"]
            for record in records
            if int(row["low"]) <= len(record["source"].split()) <= bound
        ]
        assert len(matches) == int(row["examples"])
        assert row["exact_match"] == (str(round(100 * sum(matches) / len(matches), 4)) if matches else "")
    assert sum(int(row["examples"]) for row in rows) == len(records)


def test_perplexity_is_under_teacher_forcing_against_the_first_reference(reports: Path, root: Path) -> None:
    translator = Translator.load(root / "models/best")
    total, tokens = 0.0, 0
    for example in parallel.read(root / "data/raw/test.jsonl"):
        source = torch.tensor([*translator.encode([example.source])[0], EOS])
        target = [*translator.target.encode(example.references[:1])[0], EOS]
        with torch.inference_mode():
            memory = translator.stepwise.encode(source[None], torch.tensor([len(source)]))
            state, fed = translator.stepwise.initial_state(memory), SOS
            for token in target:
                logits, state, _ = translator.stepwise.step(torch.tensor([fed]), state, memory)
                total -= float(logits[0].log_softmax(0)[token])
                fed = token
        tokens += len(target)
    scores = read_json(reports / "scores.json")
    assert scores["loss"] == pytest.approx(total / tokens, rel=1e-5)
    assert scores["perplexity"] == pytest.approx(math.exp(total / tokens), rel=1e-5)


def test_bleu_by_length(reports: Path) -> None:
    with open(reports / "bleu_by_length.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    records = read_records(reports)
    assert [row["bucket"] for row in rows] == ["0–2", "3", "4–10", "11–14", "15+"]
    assert {row["unit"] for row in rows} == {"words"}
    assert sum(int(row["examples"]) for row in rows) == len(records)
    for row in rows:
        low, high = int(row["low"]), int(row["high"] or 10**6)
        members = [record for record in records if low <= len(record["source"].split()) <= high]
        assert int(row["examples"]) == len(members)
        if not members:
            assert (row["bleu"], row["bleu_low"], row["bleu_high"]) == ("", "", "")
            continue
        expected = BLEU().corpus_score(
            [record["translation"] for record in members], streams([record["references"] for record in members])
        )
        assert float(row["bleu"]) == round(min(100, expected.score), 4)
        assert 0 <= float(row["bleu_low"]) <= float(row["bleu_high"]) <= 100
    assert "0" in [row["examples"] for row in rows]


def test_attention_maps_span_the_lengths_of_the_test_set(reports: Path, root: Path) -> None:
    maps = read_json(reports / "attention.json")
    translator = Translator.load(root / "models/best")
    records = read_records(reports)
    encoded = [ids for ids in translator.encode([record["source"] for record in records]) if ids]
    lengths = sorted(len(each["source_tokens"]) - 1 for each in maps)
    assert len(maps) == ATTENTION_MAPS
    assert lengths[0] == min(map(len, encoded))
    assert lengths[-1] == max(map(len, encoded))
    assert len(set(lengths)) > 4
    # Not by encoding the translations again: a model may say a text in other tokens than an encoder would.
    texts = {record["translation"] for record in records}
    for each in maps:
        assert each["source_tokens"][-1] == "</s>"
        assert unescape(join(each["translation_tokens"])) in texts
        assert len(each["weights"]) == len(each["translation_tokens"])
        for row in each["weights"]:
            assert len(row) == len(each["source_tokens"])
            assert sum(row) == pytest.approx(1, abs=1e-4 * len(row))
            assert row == [round(weight, 4) for weight in row]


def test_attention_maps_are_spread_from_the_shortest_to_the_longest() -> None:
    rows = _spread([[7] * (50 - row) for row in range(50)])
    assert {0, 49} <= rows
    assert len(rows) == ATTENTION_MAPS
    gaps = [high - low for low, high in pairwise(sorted(rows))]
    assert max(gaps) - min(gaps) <= 1
    assert _spread([[7], [], [7, 7]]) == {0, 2}
    assert _spread([[], [7]]) == {1}
    assert _spread([[]]) == set()


def test_no_attention_no_map(root: Path, tmp_path: Path, evaluate_params: MakeParams) -> None:
    shutil.copytree(root / "data", tmp_path / "data")
    train_model(tmp_path, attention="none", steps=0)
    run(evaluate_params(), tmp_path, tmp_path / "reports")
    assert (tmp_path / "reports/attention.json").read_text("utf-8") == "[]\n"
    assert "n_best" not in read_records(tmp_path / "reports")[0]


def test_two_runs_write_the_same_bytes(root: Path, tmp_path: Path, evaluate_params: MakeParams) -> None:
    for name in ("one", "two"):
        run(evaluate_params(beam_size=2), root, tmp_path / name)
    for file in FILES:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_the_size_of_a_batch_changes_no_translation(root: Path, tmp_path: Path, evaluate_params: MakeParams) -> None:
    for size in (1, 100):
        run(evaluate_params(batch_size=size), root, tmp_path / str(size))
    assert (tmp_path / "1/bleu_by_length.csv").read_bytes() == (tmp_path / "100/bleu_by_length.csv").read_bytes()
    for one, hundred in zip(read_records(tmp_path / "1"), read_records(tmp_path / "100"), strict=True):
        assert one.pop("score") == pytest.approx(hundred.pop("score"), abs=2e-4)
        assert one == hundred
    assert (tmp_path / "1/scores.json").read_bytes() == (tmp_path / "100/scores.json").read_bytes()


def refuse(params: EvaluateParams, root: Path, tmp_path: Path, test_set: list[Example], message: str) -> None:
    parallel.write(tmp_path / "raw/test.jsonl", test_set)
    with pytest.raises(SeqlabError, match=message):
        run(params, root, tmp_path / "reports", tmp_path / "raw")
    assert not (tmp_path / "reports").exists()


def test_what_a_reader_of_the_scores_must_know_stands_beside_them(
    root: Path, tmp_path: Path, evaluate_params: MakeParams, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = [Example(each.source, ("ฉันเห็นรถสีแดง",)) for each in parallel.read(root / "data/raw/test.jsonl")]
    parallel.write(tmp_path / "raw/test.jsonl", examples)
    run(evaluate_params(), root, tmp_path / "reports", tmp_path / "raw")
    notes = read_json(tmp_path / "reports/scores.json")["notes"]
    assert [note.split(" takes a sentence")[0] for note in notes] == ["BLEU's tokenization 13a", "TER"]
    assert capsys.readouterr().err.splitlines()[:2] == [f"evaluate: warning: {note}" for note in notes]


def test_an_empty_test_set_is_refused(root: Path, tmp_path: Path, evaluate_params: MakeParams) -> None:
    refuse(evaluate_params(), root, tmp_path, [], "no example")


def test_an_example_without_reference_is_refused(root: Path, tmp_path: Path, evaluate_params: MakeParams) -> None:
    refuse(evaluate_params(), root, tmp_path, [Example("la", ("la",)), Example("la", ())], "line 2: .* reference")


@pytest.mark.parametrize("change", ["fewer", "other"])
def test_another_test_set_than_the_tokenized_one_is_refused(
    root: Path, tmp_path: Path, evaluate_params: MakeParams, change: str
) -> None:
    test_set = list(parallel.read(root / "data/raw/test.jsonl"))
    test_set = test_set[:-1] if change == "fewer" else [*test_set[:-1], examples(1, seed=9)[0]]
    refuse(evaluate_params(), root, tmp_path, test_set, "`dvc repro` makes them agree")


def test_a_failure_while_scoring_leaves_no_file(
    root: Path, tmp_path: Path, evaluate_params: MakeParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("seqlab.evaluation.evaluation.bleu_by_length", fail)
    with pytest.raises(KeyboardInterrupt):
        run(evaluate_params(), root, tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_an_infinite_perplexity_is_refused(
    root: Path, tmp_path: Path, evaluate_params: MakeParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqlab.evaluation.evaluation.perplexity", lambda *_: (1000.0, math.inf))
    with pytest.raises(SeqlabError, match=r"its loss on the test set is 1000\.0"):
        run(evaluate_params(), root, tmp_path / "reports")
    assert not (tmp_path / "reports").exists()
