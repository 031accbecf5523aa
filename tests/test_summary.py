"""The summary that `make run` ends with."""

import json
from pathlib import Path

import pytest

from seqlab.errors import SeqlabError
from seqlab.summary import summarize

SIGNATURE = "nrefs:1|bs:1000|seed:12345|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"


def scores(**changes: object) -> dict[str, object]:
    score = {"score": 43.21, "low": 41.04, "high": 45.38, "signature": SIGNATURE}
    return {"bleu": score, "chrf": score, "ter": score, "perplexity": 4.321} | changes


def test_scores_with_interval_and_signature(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(json.dumps(scores()), "utf-8")
    summary = summarize(tmp_path)
    assert f"BLEU  43.21  95 % confidence [41.0, 45.4]  {SIGNATURE}" in summary
    assert "ppl    4.32" in summary
    assert str(tmp_path / "report.html") in summary
    assert "make ui" in summary


@pytest.mark.parametrize("content", [None, "", "[]", "{}", json.dumps(scores(bleu={})), json.dumps(scores(ter=3))])
def test_missing_or_damaged_scores_say_what_to_do(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "scores.json").write_text(content, "utf-8")
    with pytest.raises(SeqlabError, match=r"scores\.json.*dvc repro"):
        summarize(tmp_path)
