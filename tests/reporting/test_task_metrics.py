"""ROUGE and diversity in the report: shown where they were measured, and nowhere else."""

import re
from pathlib import Path
from typing import Any

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.reporting.markdown import render_summary
from seqlab.reporting.page import render_page
from seqlab.reporting.report_view import gather
from seqlab.results.paths import SCORES
from tests.reporting import run

ROUGE_SIGNATURE = "nrefs:3|multi:max|bs:1000|seed:12345|measure:f1|case:lc|tok:a-z0-9|stem:porter|version:0.1.2"
ROUGE: dict[str, Any] = {
    "rouge1": {"score": 31.44, "signature": ROUGE_SIGNATURE, "low": 30.1, "high": 32.8},
    "rouge2": {"score": 9.17, "signature": ROUGE_SIGNATURE, "low": 8.2, "high": 10.1},
    "rougeL": {"score": 27.62, "signature": ROUGE_SIGNATURE, "low": 26.3, "high": 28.9},
    "unread_letters": 0.034,
}
DIVERSITY: dict[str, Any] = {
    "distinct_1": {"score": 2.31, "references": 11.92, "signature": "refs:first|case:mixed|tok:13a|version:2.6.0"},
    "distinct_2": {"score": 6.78, "references": 48.31, "signature": "refs:first|case:mixed|tok:13a|version:2.6.0"},
    "different_outputs": {"score": 1203, "references": 4410},
    "most_frequent_output": {"score": 17.25, "references": 0.41, "text": "I don't know. <b>|x"},
}


def rendered(root: Path, **more: Any) -> tuple[str, str]:
    run.write_run(root)
    run.write_json(root / SCORES, run.scores(60) | more)
    view = gather(run.params(), root)
    return render_page(view), render_summary(view)


def test_rouge(tmp_path: Path) -> None:
    page, summary = rendered(tmp_path, rouge=ROUGE)
    escaped = ROUGE_SIGNATURE.replace("|", "\\|")
    for name, score, interval in (
        ("ROUGE-1", "31.4", "30.1 – 32.8"),
        ("ROUGE-2", "9.2", "8.2 – 10.1"),
        ("ROUGE-L", "27.6", "26.3 – 28.9"),
    ):
        assert f"<dt>{name}</dt>\n        <dd><b>{score}</b> <span>{interval.replace(' – ', '–')}</span>" in page
        assert f"| {name} | **{score}** | {interval} | F1; `{escaped}` |" in summary
    assert all("0.03 % of the references" in text for text in (page, summary))
    assert "<bdi>stem:porter</bdi>" in page
    assert "Distinct" not in page + summary


def test_diversity(tmp_path: Path) -> None:
    page, summary = rendered(tmp_path, diversity=DIVERSITY)
    assert "<b>2.3 %</b> <small>different words of all words; references 11.9 %</small>" in page
    assert "<b>6.8 %</b> <small>different word pairs of all words; references 48.3 %</small>" in page
    assert "<b>1,203</b> <small>references 4,410</small>" in page
    assert "<b>17.2 %</b> <small>of all outputs; references 0.4 %</small>" in page
    assert "<bdi>I don&#39;t know. &lt;b&gt;|x</bdi>" in page
    assert (
        "| Distinct-1 | **2.3 %** | | different words of all words; references 11.9 %; `refs:first\\|case:mixed"
        in summary
    )
    assert "| Different outputs | **1,203** | | references 4,410 |" in summary
    assert "of all outputs; references 0.4 %; I don't know. &#60;b&#62;&#124;x |" in summary
    assert "ROUGE" not in page + summary


def test_the_tables_and_tiles_hold_together(tmp_path: Path) -> None:
    plain = rendered(tmp_path / "plain")
    both = rendered(tmp_path / "both", rouge=ROUGE, diversity=DIVERSITY)
    assert both[0].count('class="tile"') == plain[0].count('class="tile"') + 3 + 4
    lines = [each.split("\n") for each in (plain[1], both[1])]
    # One table: the new rows follow the last of the old ones.
    place = next(number for number, line in enumerate(lines[0]) if line.startswith("| Exact match"))
    assert lines[1][: place + 1] == lines[0][: place + 1]
    assert all(line.startswith("| ") and line.endswith(" |") for line in lines[1][place + 1 : place + 8])
    assert lines[1][place + 8] == lines[0][place + 1] == ""
    rest = lines[0][place + 2 :]
    assert lines[1][-len(rest) :] == rest


def test_damaged_scores_are_named(tmp_path: Path) -> None:
    with pytest.raises(SeqlabError, match=r"scores\.json is damaged \(.*rougeL is missing"):
        rendered(tmp_path, rouge={name: value for name, value in ROUGE.items() if name != "rougeL"})


def test_the_measure_of_the_corpus_comes_first(tmp_path: Path) -> None:
    exact = {"score": 99.8, "low": 99.6, "high": 100.0, "signature": "nrefs:1|multi:any"}
    page, summary = rendered(tmp_path / "exact", exact_match=exact, measure="exact_match")
    assert re.findall(r"<dt>(.+)</dt>\n        <dd>", page)[:2] == ["Exact match", "BLEU"]
    assert "<b>99.8 %</b> <span>99.6–100.0</span>" in page
    assert "Validation Exact match by epoch: from 6.5 to 21.4." in page
    rows = summary[summary.index("## Scores") :].split("\n")
    assert [row.split(" | ")[0] for row in rows if row.startswith("| ")][2:4] == ["| Exact match", "| BLEU"]
    usual = rendered(tmp_path / "usual")
    assert "Validation BLEU by epoch" in usual[0]
    assert usual[1].index("| BLEU |") < usual[1].index("| Exact match |")


def test_results_of_earlier_versions_have_no_exact_match_by_epoch_and_length(tmp_path: Path) -> None:
    run.write_run(tmp_path)
    rows = [{name: value for name, value in row.items() if name != "valid_exact_match"} for row in run.epochs(8)]
    run.write_csv(tmp_path / "reports/curves.csv", rows)
    view = gather(run.params(), tmp_path)
    assert [each.valid_exact_match for each in view.results.epochs] == [None] * 8
    assert render_page(view)
    assert "| 8 | 2,504 |" in render_summary(view)
