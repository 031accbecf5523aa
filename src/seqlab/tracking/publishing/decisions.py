"""What seqlab decided of runs after they were executed: the sweeps that they belong to, and how they challenged.

It stands in the journal, journal/decisions/<fingerprint>.jsonl, so that a new server is told what an old one was.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqlab.tracking.foreign import is_fingerprint
from seqlab.tracking.home import Home
from seqlab.tracking.journal.journal import Journal, read_journal
from seqlab.tracking.publishing.failures import RefusedError


@dataclass
class Decisions:
    """Of one run: sweep → its name in it; its last verdict, "" if it never challenged; when it became champion.

    `crowned` maps tasks to seconds since 1970.
    """

    sweeps: dict[str, str] = field(default_factory=dict)
    verdict: str = ""
    crowned: dict[str, float] = field(default_factory=dict)


def note_sweep(home: Home, fingerprint: str, sweep: str, member: str) -> None:
    """Note that the run is a sweep's member of that name, unless that is known."""
    if read_decisions(home, fingerprint).sweeps.get(sweep) != member:
        _append(home, fingerprint, "sweep", sweep=sweep, member=member)


def note_verdict(home: Home, fingerprint: str, task: str, verdict: str, *, crowned: bool) -> None:
    """Note how the run challenged the champion of the task, or that it was promoted; `crowned`: it is champion now."""
    _append(home, fingerprint, "verdict", task=task, verdict=verdict, crowned=crowned)


def read_decisions(home: Home, fingerprint: str) -> Decisions:
    """What was decided of the run, as far as this journal knows."""
    found = Decisions()
    for entry in _entries(_path(home, fingerprint)):
        if entry["event"] == "sweep":
            found.sweeps[entry["sweep"]] = entry["member"]
        elif entry["event"] == "verdict":
            found.verdict = entry["verdict"]
            if entry["crowned"]:
                found.crowned[entry["task"]] = entry["time"]
    return found


def _append(home: Home, fingerprint: str, event: str, **fields: Any) -> None:
    journal = Journal(_path(home, fingerprint))
    journal.append(event, **fields)
    journal.close()


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    if path.is_file():
        yield from read_journal(path)


def _path(home: Home, fingerprint: str) -> Path:
    # It may come from a tag that anybody wrote.
    if not is_fingerprint(fingerprint):
        raise RefusedError(f"{fingerprint!r:.80} is no fingerprint of a run")
    return home.journal / "decisions" / f"{fingerprint}.jsonl"
