"""Files of runs that somebody else wrote: a figure, or an error for people."""

from pathlib import Path

import pytest

from seqlab.commands.compare.reading import read_columns, read_translations
from seqlab.core.errors import SeqlabError
from seqlab.tracking import foreign

LINE = '{"source": "a", "references": ["b"], "translation": "c", "bleu": 1}\n'


@pytest.mark.parametrize("text", ["[" * 100_000, '{"source": ' * 100_000, "", "{}", "[1]", LINE + "{"])
def test_damaged_translations(tmp_path: Path, text: str) -> None:
    (tmp_path / "translations.jsonl").write_text(text)
    with pytest.raises(SeqlabError, match="is damaged"):
        read_translations(tmp_path / "translations.jsonl")


@pytest.mark.parametrize("text", ["epoch\n1\n", "epoch,bleu\n1,x\n", "epoch,bleu\n1," + "9" * 200_000 + "x\n"])
def test_damaged_columns(tmp_path: Path, text: str) -> None:
    (tmp_path / "curves.csv").write_text(text)
    with pytest.raises(SeqlabError, match="is damaged"):
        read_columns(tmp_path / "curves.csv", ["epoch", "bleu"])


def test_no_more_is_read_than_a_run_can_have_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "translations.jsonl").write_text(LINE * 2)
    (tmp_path / "curves.csv").write_text("epoch,bleu\n1,2\n")
    assert len(read_translations(tmp_path / "translations.jsonl")) == 2
    assert read_columns(tmp_path / "curves.csv", ["epoch", "bleu"]) == [[1, 2]]
    monkeypatch.setattr(foreign, "LARGEST_TEXT", 10)
    with pytest.raises(SeqlabError, match="is larger than 10 bytes"):
        read_translations(tmp_path / "translations.jsonl")
    with pytest.raises(SeqlabError, match="is larger than 10 bytes"):
        read_columns(tmp_path / "curves.csv", ["epoch", "bleu"])
