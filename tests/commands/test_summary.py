"""The summary that `make run` ends with."""

import json
import re
from pathlib import Path

import pytest

from seqlab.commands.summary import invitation, summarize, with_environment
from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.params.params import load_params, parse_params
from tests.reporting.run import manifest, write_json, write_run

ROOT = Path(__file__).parents[2]
SIGNATURE = "nrefs:1|bs:1000|seed:12345|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"


def scores(**changes: object) -> dict[str, object]:
    score = {"score": 43.21, "low": 41.04, "high": 45.38, "signature": SIGNATURE}
    return {
        "bleu": score,
        "chrf": score,
        "ter": score,
        "perplexity": 4.321,
        "exact_match": 12.5,
        "examples": 60,
    } | changes


def summary_of(root: Path, content: dict[str, object], view: str | None = None) -> list[str]:
    write_json(root / "reports/scores.json", content)
    return summarize(root / "reports", view).splitlines()


def test_scores_with_interval_and_signature(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, scores())
    assert summary[0] == f"BLEU           43.2  95 % confidence [41.0, 45.4]  {SIGNATURE}"
    assert summary[3:5] == [
        "Perplexity     4.32  per token, under teacher forcing",
        "Exact match    12.5 %  equal to a reference, letter for letter",
    ]
    assert f"Report   {tmp_path / 'reports/report.html'}" in summary
    assert summary[-1] == "MLflow   make ui"


def test_the_first_page_shows_what_it_prints(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    [block] = re.findall(r"^```text\n(BLEU .*?)^```$", readme, re.MULTILINE | re.DOTALL)
    row = r" (\d+\.\d+)(?: %)?  95 % confidence \[(.+), (.+)\]  (?:\D+  )?(\S+)$"
    rows = re.findall(row, block, re.MULTILINE)
    found = [
        {"score": float(it), "low": float(low), "high": float(high), "signature": by} for it, low, high, by in rows
    ]
    [perplexity] = re.findall(r"^Perplexity +(\d+\.\d+)", block, re.MULTILINE)
    shown: dict[str, object] = dict(zip(("bleu", "chrf", "ter", "exact_match"), found, strict=True))
    assert summary_of(tmp_path, shown | {"perplexity": float(perplexity), "examples": 1000})[:5] == block.splitlines()


def test_the_measure_of_the_corpus_comes_first(tmp_path: Path) -> None:
    exact = {"score": 99.8, "low": 99.6, "high": 100.0, "signature": "nrefs:1"}
    summary = summary_of(tmp_path, scores(exact_match=exact, measure="exact_match"))
    expected = "95 % confidence [99.6, 100.0]  equal to a reference, letter for letter  nrefs:1"
    assert summary[0] == f"Exact match    99.8 %  {expected}"
    assert summary[1].startswith("BLEU ")


@pytest.mark.parametrize(
    ("view", "last"),
    [
        ("http://127.0.0.1:5000/#/experiments/1/runs?x", ["MLflow   make ui, which opens", "         {}"]),
        ("https://mlflow.example.org/#/experiments/1/runs?x", ["MLflow   {}"]),
    ],
)
def test_the_last_line_leads_to_the_view(tmp_path: Path, view: str, last: list[str]) -> None:
    assert summary_of(tmp_path, scores(), view)[-len(last) :] == [line.format(view) for line in last]


def test_it_invites_to_what_has_not_been_tried() -> None:
    content = load_params(ROOT / "params.yaml").model_dump()

    def settings(**changes: dict[str, object]) -> list[str]:
        changed = parse_params({**content, **{name: content[name] | each for name, each in changes.items()}}, "test")
        return [line.split()[5] for line in invitation(changed).splitlines()]

    assert settings() == ["model.attention=none", "train.teacher_forcing_ratio=0.5"]
    assert settings(model={"attention": "none"}) == ["train.teacher_forcing_ratio=0.5"]
    assert settings(train={"teacher_forcing_ratio": 0.5}) == ["model.attention=none"]
    assert settings(model={"attention": "none"}, train={"teacher_forcing_ratio": 0.5}) == []


@pytest.mark.parametrize(("active", "begins"), [(False, "First    . .venv/bin/activate"), (True, "Try ")])
def test_what_is_to_be_typed_is_known_to_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, active: bool, begins: str
) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    if active:
        monkeypatch.setenv("VIRTUAL_ENV", "/x/.venv")
    write_text(tmp_path / ".venv/bin/activate", "")
    assert with_environment(tmp_path, "Try      dvc exp run").startswith(begins)
    assert with_environment(tmp_path, "") == ""


def test_rouge_and_diversity_where_they_were_measured(tmp_path: Path) -> None:
    score = {"score": 31.44, "low": 30.14, "high": 32.83, "signature": "nrefs:3|multi:max"}
    distinct = {"score": 2.314, "references": 11.925, "signature": "tok:13a"}
    diversity = {
        "distinct_1": distinct,
        "distinct_2": distinct,
        "different_outputs": {"score": 1203, "references": 4410},
        "most_frequent_output": {"score": 17.24, "references": 0.41, "text": "I don't know."},
    }
    rouge = {"rouge1": score, "rouge2": score, "rougeL": score, "unread_letters": 0.0}
    labels = [line.split("  ")[0] for line in summary_of(tmp_path, scores())]
    assert "ROUGE-1" not in labels
    assert "Distinct-1" not in labels
    lines = summary_of(tmp_path, scores(rouge=rouge, diversity=diversity))
    assert lines[5:12] == [
        "ROUGE-1                 31.4  95 % confidence [30.1, 32.8]  F1  nrefs:3|multi:max",
        "ROUGE-2                 31.4  95 % confidence [30.1, 32.8]  F1  nrefs:3|multi:max",
        "ROUGE-L                 31.4  95 % confidence [30.1, 32.8]  F1  nrefs:3|multi:max",
        "Distinct-1               2.3 %  different words of all words  references 11.9 %  tok:13a",
        "Distinct-2               2.3 %  different word pairs of all words  references 11.9 %  tok:13a",
        "Different outputs      1,203  references 4,410",
        "Most frequent output    17.2 %  of all outputs  references 0.4 %",
    ]


def test_what_a_reader_must_know_stands_below_the_scores(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    write_run(tmp_path)
    assert "Mind" not in summarize(reports)
    write_json(reports / "scores.json", scores(notes=["TER counts otherwise"]))
    counted = manifest()
    counted["splits"]["test"]["also_in_train"] = 3
    write_json(tmp_path / "data/raw/manifest.json", counted)
    lines = [line for line in summarize(reports).splitlines() if line.startswith("Mind: ")]
    assert lines[0] == "Mind: TER counts otherwise"
    assert lines[1].startswith("Mind: 3 of 60 test examples (5.0 %) have a source text that is in the training data")
    (tmp_path / "data/raw/manifest.json").write_text("{", "utf-8")
    with pytest.raises(SeqlabError, match=r"manifest\.json.*dvc repro"):
        summarize(reports)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", json.dumps(scores(bleu={})), json.dumps(scores(ter="x"))])
def test_missing_or_damaged_scores_say_what_to_do(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "reports").mkdir()
        (tmp_path / "reports/scores.json").write_text(content, "utf-8")
    with pytest.raises(SeqlabError, match=r"scores\.json.*dvc repro"):
        summarize(tmp_path / "reports")
