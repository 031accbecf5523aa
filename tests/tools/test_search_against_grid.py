"""The grid and the searches of the comparison, on trainings that are played."""

import csv
from pathlib import Path

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params
from tools import search_against_grid as tool

ROOT = Path(__file__).parents[2]
COLUMNS = (
    "epoch", "step", "train_nll", "valid_loss", "valid_perplexity", "valid_bleu", "learning_rate",
    "teacher_forcing_ratio", "gradient_norm",
)  # fmt: skip


def bleu(params: Params, epoch: int) -> float:
    """Best at learning rate 0.01 and hidden size 64 with attention; a little better with each epoch and seed."""
    rate = 20.0 if params.train.learning_rate == 0.01 else 10.0
    return rate + params.model.hidden_size / 8 + 5 * (params.model.attention == "dot") + epoch + params.seed / 100


@pytest.fixture(autouse=True)
def _played(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(trainings: tool.Trainings, params: Params) -> None:
        if params.train.learning_rate > 0.09:
            raise SeqlabError("train: the numbers went wrong")
        path = trainings.folder / "curves/curves.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="") as file:
            rows = csv.DictWriter(file, COLUMNS)
            rows.writeheader()
            for epoch in range(1, params.train.epochs + 1):
                rows.writerow(dict.fromkeys(COLUMNS, epoch) | {"valid_bleu": bleu(params, epoch)})
        trainings.epochs += params.train.epochs

    monkeypatch.setattr(tool.Trainings, "_train", train)


def test_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tool.compare(ROOT, 1, tmp_path)
    _, _, grid, whole, halving = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()
    )
    # Of 12 members 4 diverge; the others train 4 epochs. Seeds 2, 3 and 4 of the winner.
    assert grid == [
        "grid", "32", "37.01", "37.03 ± 0.01", "`train.learning_rate=0.01 model.hidden_size=64 model.attention=dot`",
    ]  # fmt: skip
    assert [whole[0], halving[0]] == ["search, seed 1", "search, seed 1, halving"]
    assert int(whole[1]) == 4 * 12
    assert int(halving[1]) < int(whole[1])
    assert all("model.attention=dot" in row[-1] for row in (whole, halving))


def test_the_record_has_what_diverged_without_epochs(tmp_path: Path) -> None:
    tool.write_record(ROOT, tmp_path / "curves.csv", tmp_path)
    heading, *rows = csv.reader((tmp_path / "curves.csv").read_text("utf-8").splitlines())
    assert heading[:2] == ["train.learning_rate", "model.hidden_size"]
    assert heading[4:] == [str(epoch) for epoch in range(1, 9)]
    assert len(rows) == 24
    assert {len(row) for row in rows} == {12}
    assert float(rows[0][4]) == pytest.approx(10 + 4 + 1 + 0.01)
