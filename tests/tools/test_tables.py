"""The tables of docs/experiments.md are those of the results beside it."""

from pathlib import Path

import pytest

from seqlab.core.errors import SeqlabError
from tools.tables import PAGE, RESULTS, rendered, table

RUNS = """\
model.attention,train.teacher_forcing_ratio,seed,commit,machine,signature,valid_bleu,bleu,loss,own_prefix_loss,by_length
none,0.5,1,0123456789,a CPU,BLEU,1,10,1.0,1.5,"{""0–5"": 20.0, ""6–10"": 10.0}"
none,0.5,2,0123456789,a CPU,BLEU,1,11,1.0,1.5,"{""0–5"": 22.0, ""6–10"": 10.0}"
none,0.5,3,0123456789,a CPU,BLEU,1,12,1.0,1.5,"{""0–5"": 24.0}"
none,1.0,1,0123456789,a CPU,BLEU,2,20,1.0,3.0,"{""0–5"": 30.0}"
none,1.0,2,0123456789,a CPU,BLEU,2,21,1.0,3.0,"{""0–5"": 30.0}"
none,1.0,3,0123456789,a CPU,BLEU,2,22,1.0,3.0,"{""0–5"": 30.0}"
dot,0.5,1,0123456789,a CPU,BLEU,3,10,1.0,1.0,"{""0–5"": 30.0}"
dot,0.5,2,0123456789,a CPU,BLEU,3,50,1.0,1.0,"{""0–5"": 30.0}"
dot,1.0,1,0123456789,a CPU,BLEU,4,20,1.0,1.0,"{""0–5"": 30.0}"
dot,1.0,2,0123456789,a CPU,BLEU,4,30,1.0,1.0,"{""0–5"": 30.0}"
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "runs.csv").write_text(RUNS, "utf-8")
    return tmp_path


def cells(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]


def test_means_over_seeds(results: Path) -> None:
    said = "runs rows=model.attention columns=train.teacher_forcing_ratio value=bleu"
    assert cells(table(said, results)) == [
        ["model.attention", "0.5", "1.0"],
        ["dot", "30.0 ± 28.3", "25.0 ± 7.1"],
        ["none", "11.0 ± 1.0", "21.0 ± 1.0"],
    ]
    assert "10 runs, 3 seeds, mean ± standard deviation; commit 0123456; a CPU; `BLEU`." in table(said, results)


def test_what_differs_from_a_column_is_bold(results: Path) -> None:
    said = "runs rows=model.attention columns=train.teacher_forcing_ratio value=bleu against=1.0"
    bold = [["dot", "30.0 ± 28.3", "25.0 ± 7.1"], ["none", "**11.0 ± 1.0**", "21.0 ± 1.0"]]
    assert cells(table(said, results))[1:] == bold


def test_the_price_of_own_words(results: Path) -> None:
    """Equal samples are no difference, and in a single one no difference shows."""
    said = "runs rows=model.attention columns=train.teacher_forcing_ratio value=exposure digits=2"
    priced = [["dot", "0.00 ± 0.00", "0.00 ± 0.00"], ["none", "0.50 ± 0.00", "2.00 ± 0.00"]]
    assert cells(table(said, results))[1:] == priced
    said = "runs rows=model.attention columns=train.teacher_forcing_ratio value=bleu where=seed:1 against=1.0"
    assert cells(table(said, results))[1:] == [["dot", "10.0", "20.0"], ["none", "10.0", "20.0"]]


def test_figures_lengths_and_conditions(results: Path) -> None:
    figures = table("runs rows=settings columns=figures value=bleu,loss where=seed:1,model.attention:none", results)
    assert cells(figures)[1:] == [
        ["`train.teacher_forcing_ratio=1.0`", "20.0", "1.0"],
        ["as the recipe", "10.0", "1.0"],
    ]
    assert "2 runs, one seed; commit" in figures
    # What has columns of its own is no setting of a row.
    said = "runs rows=settings columns=train.teacher_forcing_ratio value=bleu where=seed:2"
    rows = [["`model.attention=none`", "11.0", "21.0"], ["as the recipe", "50.0", "30.0"]]
    assert cells(table(said, results))[1:] == rows
    said = "runs rows=train.teacher_forcing_ratio value=by_length where=model.attention:none"
    assert cells(table(said, results)) == [
        ["train.teacher_forcing_ratio", "0–5", "6–10"],
        ["0.5", "22.0 ± 2.0", "10.0 ± 0.0"],
        ["1.0", "30.0 ± 0.0", ""],
    ]


def test_the_best_on_validation(results: Path) -> None:
    said = "runs rows=model.attention value=by_length best=train.teacher_forcing_ratio:valid_bleu"
    assert cells(table(said, results)) == [["model.attention", "0–5"], ["dot", "30.0 ± 0.0"], ["none", "30.0 ± 0.0"]]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("runs rows=model.attention wher=x value=bleu", "unknown: wher"),
        ("runs rows=model.cell value=by_length", "model.cell"),
        ("runs value=by_length", "rows"),
        ("walks rows=model.attention value=by_length", "walks.csv"),
    ],
)
def test_what_is_not_known_is_refused(said: str, message: str, results: Path) -> None:
    with pytest.raises(SeqlabError, match=message):
        table(said, results)


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text("utf-8")
    assert "<!-- table: " in page
    assert rendered(page, RESULTS) == page
