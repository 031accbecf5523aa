"""Files of runs that somebody else wrote: a figure, or an error for people."""

import json
import tracemalloc
from pathlib import Path

import pytest

from seqlab.commands.compare.reading import read_table, read_translations
from seqlab.core.errors import SeqlabError
from seqlab.results.records import Exposure
from seqlab.tracking import foreign

LINE = '{"source": "a", "references": ["b"], "translation": "c", "score": -1, "bleu": 1}\n'
HEAD = "position,tokens,gold_nll,own_nll\n"


@pytest.mark.parametrize("text", ["[" * 100_000, '{"source": ' * 100_000, "", "{}", "[1]", LINE + "{"])
def test_damaged_translations(tmp_path: Path, text: str) -> None:
    (tmp_path / "translations.jsonl").write_text(text)
    with pytest.raises(SeqlabError, match="is damaged"):
        read_translations(tmp_path / "translations.jsonl")


@pytest.mark.parametrize("text", ["position\n1\n", HEAD + "1,2,x,1\n", HEAD + "1,2,1," + "9" * 200_000 + "x\n"])
def test_damaged_tables(tmp_path: Path, text: str) -> None:
    (tmp_path / "exposure.csv").write_text(text)
    with pytest.raises(SeqlabError, match="is damaged"):
        read_table(tmp_path / "exposure.csv", Exposure)


def test_no_more_is_read_than_a_run_can_have_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "translations.jsonl").write_text(LINE * 2)
    (tmp_path / "exposure.csv").write_text(HEAD + "1,2,1,3.5\n")
    assert len(read_translations(tmp_path / "translations.jsonl")) == 2
    assert [row.own_nll for row in read_table(tmp_path / "exposure.csv", Exposure)] == [3.5]
    monkeypatch.setattr(foreign, "LARGEST_TEXT", 10)
    with pytest.raises(SeqlabError, match="is larger than 10 bytes"):
        read_translations(tmp_path / "translations.jsonl")
    with pytest.raises(SeqlabError, match="is larger than 10 bytes"):
        read_table(tmp_path / "exposure.csv", Exposure)


@pytest.mark.parametrize("name", ["references", "n_best"])
def test_a_line_of_rubbish_takes_little_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / "translations.jsonl"
    whole = {"source": "a", "references": ["b"], "translation": "b", "score": 1, "bleu": 1}
    path.write_text(json.dumps(whole | {name: [1] * 500_000}), "utf-8")
    tracemalloc.start()
    try:
        with pytest.raises(SeqlabError, match="is damaged"):
            read_translations(path)
        # The file is read into a buffer of the largest that is read at all, half of this.
        assert tracemalloc.get_traced_memory()[1] < 1 << 27
    finally:
        tracemalloc.stop()
