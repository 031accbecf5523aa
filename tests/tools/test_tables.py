"""The tables of docs/experiments.md are those of the results beside it."""

from pathlib import Path

import pytest
from scipy.stats import ttest_rel

from seqlab.core.errors import SeqlabError
from tools.tables import BLOCK, PAGE, RESULTS, rendered, table

# Not in the order of their numbers.
RUNS = """\
model.attention,train.teacher_forcing_ratio,seed,commit,machine,signature,valid_bleu,bleu,loss,own_prefix_loss,by_length
none,1.0,1,0123456789,a CPU,BLEU,2,20,1.0,3.0,"{""0–5"": 30.0}"
none,1.0,2,0123456789,a CPU,BLEU,2,21,1.0,3.0,"{""0–5"": 30.0}"
none,1.0,3,0123456789,a CPU,BLEU,2,22,1.0,3.0,"{""0–5"": 30.0}"
none,0.5,1,0123456789,a CPU,BLEU,1,10,1.0,1.5,"{""0–5"": 20.0, ""6–10"": 10.0}"
none,0.5,2,0123456789,a CPU,BLEU,1,11,1.0,1.5,"{""0–5"": 22.0, ""6–10"": 10.0}"
none,0.5,3,0123456789,a CPU,BLEU,1,12,1.0,1.5,"{""0–5"": 24.0}"
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
    assert "10 runs; commit 0123456; a CPU; `BLEU`; mean ± standard deviation of 2 to 3 seeds." in table(said, results)
    alike = table(f"{said} where=model.attention:dot", results)
    assert "4 runs; commit 0123456; a CPU; `BLEU`; mean ± standard deviation of 2 seeds." in alike


def test_runs_of_one_seed_are_no_spread(results: Path) -> None:
    """A table that does not name what they differ in would call it one."""
    for said in (
        "runs rows=model.attention columns=figures value=bleu,loss",
        "runs rows=train.teacher_forcing_ratio value=by_length",
        "runs rows=seed columns=model.attention value=bleu",
    ):
        with pytest.raises(SeqlabError, match="table runs: several runs of one seed in a cell"):
            table(said, results)
    without = results / "single.csv"
    without.write_text("\n".join(",".join(line.split(",")[1:2] + line.split(",")[3:]) for line in RUNS.splitlines()))
    with pytest.raises(SeqlabError, match="table single: several runs of one seed in a cell"):
        table("single rows=train.teacher_forcing_ratio columns=figures value=bleu", results)


def test_what_differs_from_a_column_is_bold(results: Path) -> None:
    said = "runs rows=model.attention columns=train.teacher_forcing_ratio value=bleu against=1.0"
    bold = [["dot", "30.0 ± 28.3", "25.0 ± 7.1"], ["none", "**11.0 ± 1.0**", "21.0 ± 1.0"]]
    assert cells(table(said, results))[1:] == bold


def test_differences_of_the_same_seeds(results: Path) -> None:
    """Each seed's from its own in the other column; a cell of one seed has none."""
    scores = {
        ("none", 1.0): (20, 30, 40),
        ("none", 0.5): (25, 36, 44),
        ("none", 0.0): (21, 29, 39),
        ("dot", 0.5): (10,),
    }
    head, row = RUNS.splitlines()[:2]
    lines = [
        row.replace("none,1.0,1,", f"{attention},{ratio},{seed},").replace(",2,20,", f",2,{bleu},")
        for (attention, ratio), bleus in scores.items()
        for seed, bleu in enumerate(bleus, start=1)
    ]
    (results / "pairs.csv").write_text("\n".join([head, *lines, lines[-1].replace("0.5", "1.0")]), "utf-8")
    said = "pairs rows=model.attention columns=train.teacher_forcing_ratio value=bleu paired=1.0"
    corrected = 2 * ttest_rel((25, 36, 44), (20, 30, 40)).pvalue
    assert cells(table(said, results)) == [
        ["model.attention", "0.0", "0.5"],
        [
            "none",
            f"-0.3 ± 1.2 (p = {ttest_rel((21, 29, 39), (20, 30, 40)).pvalue:.3f})",
            f"**+5.0 ± 1.0** (p = {corrected:.3f})",
        ],
    ]


def test_the_price_of_own_words(results: Path) -> None:
    """Equal samples are no difference, and in a single one no difference shows."""
    said = "runs rows=model.attention columns=train.teacher_forcing_ratio value=exposure digits=2"
    priced = [["dot", "0.00 ± 0.00", "0.00 ± 0.00"], ["none", "0.50 ± 0.00", "2.00 ± 0.00"]]
    assert cells(table(said, results))[1:] == priced
    said = "runs rows=model.attention columns=train.teacher_forcing_ratio value=bleu where=seed:1 against=1.0"
    assert cells(table(said, results))[1:] == [["dot", "10.0", "20.0"], ["none", "10.0", "20.0"]]


def test_figures_lengths_and_conditions(results: Path) -> None:
    figures = table("runs rows=settings columns=figures value=bleu,loss recipe=scan-simple where=seed:1", results)
    assert cells(figures)[1:] == [
        ["`model.attention=dot`", "10.0", "1.0"],
        ["`model.attention=dot` `train.teacher_forcing_ratio=1.0`", "20.0", "1.0"],
        ["`train.teacher_forcing_ratio=1.0`", "20.0", "1.0"],
        ["as the recipe", "10.0", "1.0"],
    ]
    assert figures.endswith("4 runs; commit 0123456; a CPU; `BLEU`; one seed.")
    # What has columns of its own is no setting of a row.
    said = "runs rows=settings columns=train.teacher_forcing_ratio value=bleu recipe=scan-simple where=seed:2"
    rows = [["`model.attention=dot`", "50.0", "30.0"], ["as the recipe", "11.0", "21.0"]]
    assert cells(table(said, results))[1:] == rows
    said = (
        "runs rows=model.attention columns=figures value=bleu recipe=scan-simple 'where=settings:as the recipe,seed:1'"
    )
    assert cells(table(said, results))[1:] == [["dot", "10.0"], ["none", "10.0"]]
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
        ("runs rows=settings columns=seed value=bleu", "settings"),
        ("walks rows=model.attention value=by_length", "walks.csv"),
    ],
)
def test_what_is_not_known_is_refused(said: str, message: str, results: Path) -> None:
    with pytest.raises(SeqlabError, match=message):
        table(said, results)


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text("utf-8")
    assert rendered(page, RESULTS) == page
    # Whatever else begins as a comment would be a table that nothing renders.
    assert page.count("<!--") == 2 * len(BLOCK.findall(page)) > 0
