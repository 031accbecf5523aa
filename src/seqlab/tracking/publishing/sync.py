"""Brings MLflow up to date with the journal and with the working copy."""

import textwrap
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.results.paths import LOCK
from seqlab.tracking.fingerprint.pipeline import RESULT_STAGES, locked_stages, stage_paths
from seqlab.tracking.home import Home, find_home
from seqlab.tracking.journal.execution import Execution, mark_died, read_executions
from seqlab.tracking.journal.record import RunRecord
from seqlab.tracking.journal.workspace import stale_stages, workspace_execution
from seqlab.tracking.objects import Objects
from seqlab.tracking.publishing.assembly import assemble
from seqlab.tracking.publishing.failures import described
from seqlab.tracking.publishing.last_sync import remember, state
from seqlab.tracking.publishing.projection import Projection, Publication
from seqlab.tracking.publishing.server import Server, connect, experiment_name
from seqlab.tracking.publishing.uri import database, is_server, tracking_uri

# Skipped lines of the journal that are shown.
NAMED = 3

LONGEST_REASON = 60


@dataclass
class Summary:
    """What a sync did, and whether it found dvc.lock damaged; as text, what people want to know of it."""

    server: Server
    outcomes: list[Publication] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    current: str | None = None
    damaged: bool = False

    def count(self, action: str) -> int:
        """How many runs were `created`, `updated`, found `unchanged`, are `deleted` and were left so, or `failed`."""
        return sum(outcome.action == action for outcome in self.outcomes)

    @property
    def complete(self) -> bool:
        """Whether all that the journal and the working copy have could be published."""
        return not self.count("failed") and not self.damaged

    def found_all_published(self) -> bool:
        """Whether there was nothing to do, nor will be before something changes; this working copy's run included."""
        settled = all(
            outcome.action in ("unchanged", "deleted") and outcome.record.status != "RUNNING"
            for outcome in self.outcomes
        )
        return settled and self.current is not None and not self.server.notes

    def __str__(self) -> str:
        counts = ", ".join(
            f"{number} {action}"
            for action in ("created", "updated", "unchanged", "deleted", "failed")
            if (number := self.count(action))
        )
        lines = [f"MLflow   {self.server.address}, experiment {experiment_name()}: {counts or 'no run yet'}"]
        for outcome in self.outcomes:
            shown = outcome.record.fingerprint == self.current
            if shown or outcome.action in ("created", "updated", "failed"):
                place = self.server.place(outcome.run_id) if outcome.run_id else ""
                lines.append(f"  {'*' if shown else ' '} {outcome.record.name}  {outcome.action}  {place}")
            lines += [f"    warning: {note}" for note in outcome.notes]
            lines += [f"    NOT REPRODUCED: {each}" for each in outcome.record.ledger.differences()]
        if self.outcomes:
            started = "" if is_server(self.server.uri) else ", after `make ui`"
            lines.append(f"Compare  {self.server.view}{started}")
        return "\n".join([*lines, *self.notes])


def sync(start: Path) -> Summary:
    """Make each run say what the journal and the working copy around `start` say; a second sync changes nothing.

    The journal counts wherever DVC's temporary copies wrote it from. The working copy counts if `dvc status` finds
    it up to date: then its run is published even if it came from DVC's cache and no stage ever ran here.

    Raises:
        SeqlabError: outside a DVC project; the server does not answer in time; the working copy is damaged.
    """
    home = find_home(start)
    before = _State(home)
    objects = Objects(home.objects)
    skipped: list[str] = []
    executions = [
        each if each.outcome != "running" or each.is_alive() else mark_died(each)
        for each in read_executions(home, skipped)
    ]
    damage = _damage(home)
    current, notes = ([], [_journal_alone(damage)]) if damage else _workspace(home, objects)
    records = assemble([*executions, *current], objects, notes)
    server = connect(home)
    notes = [*server.notes, *notes, *_counted(skipped)]
    fingerprint = current[0].run_fingerprint if current else None
    summary = Summary(server, notes=notes, current=fingerprint, damaged=damage is not None)
    projection = Projection(home, summary.server)
    summary.outcomes = [_published(projection, record) for record in records]
    if summary.found_all_published():
        before.remember(str(summary))
    return summary


class _State:
    """What a sync is about to look at."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._database = database(tracking_uri(home.root))
        # Without a pipeline there is nothing to remember; what is wrong with it is said where it is read.
        with suppress(SeqlabError):
            self._paths = stage_paths(home.root)
            self._before = state(home, self._database, self._paths)
            return
        self._paths, self._before = [], None

    def remember(self, said: str) -> None:
        """Keep what was found of it, if it is as it was."""
        if self._before is not None and self._before == state(self._home, self._database, self._paths):
            remember(self._home, said, self._before, self._paths)


def _published(projection: Projection, record: RunRecord) -> Publication:
    """A record that is not what it should be, or a server that lies of it, costs no other run its publishing."""
    try:
        return projection.publish(record)
    except SeqlabError:
        raise
    except Exception as error:
        reason = f"it cannot be published: {type(error).__name__}: {described(error)}"
        cure = f"if its journal ({record.fingerprint[:6]}…) is not yours, delete it"
        return Publication("failed", record, "", [f"{reason}; {cure}"])


def _counted(skipped: list[str]) -> list[str]:
    if not skipped:
        return []
    lines = [f"  {line}" for line in skipped[:NAMED]]
    return [f"{len(skipped)} line(s) of the journal are none that seqlab writes, and were skipped:", *lines]


def _damage(home: Home) -> SeqlabError | None:
    """What is wrong with dvc.lock: DVC's own message says neither which file it is nor what to do."""
    try:
        locked_stages(home.root)
    except SeqlabError as error:
        return error
    return None


def _journal_alone(error: SeqlabError) -> str:
    return f"Only the journal was published: {error}"


def _workspace(home: Home, objects: Objects) -> tuple[list[Execution], list[str]]:
    if not (home.root / LOCK).is_file():
        return [], ["Nothing has run in this working copy yet; `dvc repro` runs the pipeline"]
    try:
        stale = stale_stages(home.root)
    except SeqlabError as error:
        return [], [_journal_alone(error)]
    changed = [
        f"{stage} ({textwrap.shorten(stale[stage], LONGEST_REASON, placeholder=' …')})"
        for stage in RESULT_STAGES
        if stage in stale
    ]
    if changed:
        return [], [
            "This working copy is not up to date, so only the journal was published; `seqlab why` says more: "
            + ", ".join(changed)
        ]
    return [workspace_execution(home.root, objects, with_report="report" not in stale)], []
