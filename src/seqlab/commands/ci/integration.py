"""Continuous integration: run what a change asks for, share it, and say what it did to the results."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from seqlab.commands.ci.changes import Change, metric_changes, parameter_changes
from seqlab.commands.ci.lock import Lock, compare_locks
from seqlab.commands.ci.remote import find_remote
from seqlab.commands.ci.reproduction import Reproduction, StageOutcome, reproduce
from seqlab.commands.ci.result import Result, present_output, read_result
from seqlab.commands.ci.revision import Revision, find_base, find_revision
from seqlab.commands.ci.significance import compare_translations
from seqlab.core.errors import SeqlabError
from seqlab.results.paths import LOCK
from seqlab.significance.paired_test import PairedResult
from seqlab.system.dvc_library import output_at
from seqlab.system.terminal import say
from seqlab.tracking.home import find_home
from seqlab.tracking.journal.execution import read_executions
from seqlab.tracking.journal.launch import SWITCH
from seqlab.tracking.publishing.sync import sync

T = TypeVar("T")


@dataclass
class Integration:
    """What was run, and how it compares with the base; `notes` say what could not be done, and why.

    No note has an address or another program's words in it: the summary is published.
    """

    base_name: str
    base: Revision | None
    reproduction: Reproduction
    lock: Lock = Lock.ABSENT
    numerics: str = ""
    parameters: list[Change] = field(default_factory=list)
    metrics: list[Change] = field(default_factory=list)
    before: Result | None = None
    after: Result | None = None
    verdict: PairedResult | None = None
    notes: list[str] = field(default_factory=list)


def integrate(start: Path, base_name: str, remote_name: str | None = None) -> Integration:
    """Bring the working copy around `start` up to date, with DVC's remote and MLflow's server where there are some.

    A remote or a server that does not answer is noted, and costs nothing else; so is a stage that fails.

    Args:
        start: A folder in the working copy.
        base_name: The revision to compare with.
        remote_name: DVC's remote; None: its default one, if it has one.

    Raises:
        SeqlabError: outside a DVC project; there is no such revision or remote; dvc.yaml or dvc.lock is damaged.
    """
    root = find_home(start).root
    base = find_base(root, base_name)
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        # Nobody follows the training: a publisher would only take its time.
        os.environ[SWITCH] = "off"
    remote = find_remote(root, remote_name)
    reachable = remote is not None and remote.pull()
    integration = Integration(base_name, base, reproduce(root, pull=reachable))
    if remote is not None:
        if reachable:
            remote.push()
        integration.notes += remote.notes
    if integration.reproduction.succeeded:
        _publish(root, integration)
        integration.lock = _lock(root)
        integration.numerics = _numerics(root, integration.reproduction)
        integration.after = _noted(integration, lambda: read_result(lambda path: present_output(root, path)))
    if integration.base is not None:
        _compare(root, integration, integration.base)
    return integration


def _publish(root: Path, integration: Integration) -> None:
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        return
    try:
        summary = sync(root)
    except SeqlabError as error:
        _log(f"warning: {error}")
        integration.notes.append("MLflow is not up to date: `seqlab sync` failed, see the log")
    else:
        _log(str(summary))
        if failed := summary.count("failed"):
            integration.notes.append(f"MLflow is not up to date: {failed} run(s) could not be published, see the log")


def _log(text: str) -> None:
    """Show text that may have an address in it, without the password that the address may have in it."""
    say(text, err=True)


def _lock(root: Path) -> Lock:
    commit = find_revision(root, "HEAD")
    return compare_locks(commit.git_file(LOCK) if commit else None, present_output(root, LOCK))


def _numerics(root: Path, reproduction: Reproduction) -> str:
    """Numerics class of what ran just now; empty if nothing ran in which it counts."""
    if not {"train", "evaluate"} & set(reproduction.with_outcome(StageOutcome.RAN)):
        return ""
    classes = [each.numerics for each in read_executions(find_home(root)) if each.numerics]
    return ", ".join(f"{name} {value}" for name, value in classes[-1].items()) if classes else ""


def _compare(root: Path, integration: Integration, base: Revision) -> None:
    integration.parameters = _noted(integration, lambda: parameter_changes(root, base)) or []
    if integration.after is None:
        return
    integration.metrics = _noted(integration, lambda: metric_changes(root, base)) or []
    integration.before = _noted(integration, lambda: read_result(lambda path: output_at(root, base.commit, path)))
    if integration.before is not None:
        before, after = integration.before, integration.after
        integration.verdict = _noted(integration, lambda: compare_translations(before, after))


def _noted(integration: Integration, action: Callable[[], T]) -> T | None:
    """What `action` returns; None if it fails, and a note that says why."""
    try:
        return action()
    except SeqlabError as error:
        integration.notes.append(str(error))
        return None
