import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqlab.tracking.journal.journal import Journal, read_journal


def events(path: Path) -> list[str]:
    return [entry["event"] for entry in read_journal(path)]


def test_entries_come_back_in_order_with_their_times(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep/journal.jsonl")
    journal.append("noted", value=0.1, text="a\nb\u2028", path=Path("models/best"))
    journal.append("finished", durable=False)
    first, second = read_journal(journal.path)
    assert (first["event"], first["value"], first["text"], first["path"]) == (
        "noted",
        0.1,
        "a\nb\u2028",
        "models/best",
    )
    assert second["time"] >= first["time"] > 1.7e9


@given(st.integers(min_value=1, max_value=60))
def test_a_torn_last_line_is_passed_over_and_the_next_entry_survives(cut: int) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"journal-{os.getpid()}.jsonl"  # noqa: S108 (hypothesis, no fixture)
    path.unlink(missing_ok=True)
    journal = Journal(path)
    journal.append("one")
    whole = path.stat().st_size
    journal.append("two", text="x" * 20)
    os.truncate(path, max(whole, path.stat().st_size - cut))
    journal.append("three")
    assert events(path) in (["one", "three"], ["one", "two", "three"])
    # Only the line feed of a whole line may be missing.
    assert (events(path) == ["one", "two", "three"]) == (cut == 1)
    path.unlink()


@pytest.mark.parametrize(
    "line",
    [
        *(b"{", b"[1]\n", b'{"event": "x"}\n', b"\xff\n", b"\0\0\0\n", b"\n", b"[" * 100_000 + b"\n"),
        *(b'{"event": "x", "time": %s}\n' % time for time in (b'"1"', b"null", b"NaN", b"1e400", b"-1", b"1" * 400)),
        *(b'{"event": %s, "time": 1}\n' % event for event in (b"1", b"null", b"[]")),
        *(b'{"event": "finished", "time": 1, "outputs": %s}\n' % outputs for outputs in (b"null", b"[]", b'"a"')),
    ],
)
def test_what_is_no_entry_is_passed_over(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path).append("one")
    with open(path, "ab") as file:
        file.write(line)
    Journal(path).append("two")
    assert events(path) == ["one", "two"]


def test_appenders_do_not_tear_each_others_lines(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    script = (
        "import sys; from pathlib import Path; from seqlab.tracking.journal.journal import Journal;"
        "j = Journal(Path(sys.argv[1]));"
        "[j.append('point', durable=False, who=sys.argv[2], step=i, pad='x' * (i % 97)) for i in range(300)]"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")}
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(path), str(who)], env=environment) for who in range(4)
    ]
    assert [writer.wait() for writer in writers] == [0] * 4
    entries = list(read_journal(path))
    assert sorted((entry["who"], entry["step"]) for entry in entries) == sorted(
        (str(who), step) for who in range(4) for step in range(300)
    )
