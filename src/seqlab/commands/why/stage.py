"""Why `dvc repro` would run a stage: DVC says whether it runs; this names what changed, down to the definition."""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seqlab.commands.why.code_changes import code_changes
from seqlab.commands.why.earlier import EarlierFiles, Tree, present
from seqlab.commands.why.reason import Reason, as_lines, value_changes
from seqlab.core.errors import SeqlabError
from seqlab.params.schema import ORIGINS
from seqlab.params.yaml import read_yaml
from seqlab.results.paths import VERSIONS
from seqlab.system.dvc import dvc_status
from seqlab.system.dvc_library import cached_stages
from seqlab.tracking.fingerprint.pipeline import StageDefinition, load_stages, locked_stages
from seqlab.tracking.home import Home, find_home

DELETED = "deleted"
HARMLESS = "  It will run again, and prove that nothing changed."
FEW = 3


@dataclass(frozen=True)
class Answer:
    """Why a stage runs, if it does; `before` maps each stage that runs before it to what it reads from there.

    `harmless`: nothing that changes a result changed, here or before it. `cached`: DVC has the result already.
    """

    stage: str
    reasons: list[Reason]
    before: dict[str, list[str]]
    harmless: bool
    cached: bool = False

    def __str__(self) -> str:
        if not self.reasons:
            others = [f"{stage} writes another {_either(paths)}" for stage, paths in self.before.items()]
            return f"{self.stage}: up to date" + (f", unless {', or '.join(others)}" if others else "")
        lines = as_lines(self.reasons)
        if self.before and not self.harmless:
            lines.append(str(Reason("upstream", f"{', '.join(self.before)} first, which may change what it reads")))
        if self.harmless and not self.cached:
            lines.append(HARMLESS)
        return "\n".join([f"{self.stage}: {'will be restored from the cache' if self.cached else 'will run'}", *lines])


def explain_stages(start: Path, names: list[str]) -> list[Answer]:
    """Why stages `names` of the project around `start`, or all of them, would run; in the pipeline's order.

    Raises:
        SeqlabError: outside a DVC project; DVC cannot tell; a file that says what ran or runs is damaged.
    """
    home = find_home(start)
    stages = load_stages(home.root)
    # Before DVC, whose words for a damaged one are its parser's.
    locked = locked_stages(home.root)
    explanation = _Explanation(home, stages, dvc_status(home.root), locked)
    answers = [explanation.answer(stage) for stage in stages if not names or stage.name in names]
    # What a stage before it will write is not known yet.
    cached = cached_stages(home.root, [each.stage for each in answers if each.reasons and not each.before])
    return [replace(each, cached=each.stage in cached) for each in answers]


class _Explanation:
    """Explains `status`, what DVC says, by `locked`, what dvc.lock says of the last run, and by the files."""

    def __init__(
        self,
        home: Home,
        stages: list[StageDefinition],
        status: dict[str, list[Any]],
        locked: dict[str, dict[str, Any]],
    ) -> None:
        self._root = home.root
        self._stages = stages
        self._status = status
        self._locked = locked
        self._earlier = EarlierFiles(home)
        self._answers: dict[str, Answer] = {}

    def answer(self, stage: StageDefinition) -> Answer:
        """Why `stage` runs; whether DVC has the result already is left open."""
        if stage.name not in self._answers:
            self._answers[stage.name] = self._answer(stage)
        return self._answers[stage.name]

    def _answer(self, stage: StageDefinition) -> Answer:
        reasons = self._reasons(stage)
        before = {
            producer.name: paths
            for producer in self._stages
            if self._may_run(producer) and (paths := [path for path in stage.data if _writes(producer, path)])
        }
        harmless = all(self.answer(producer).harmless for producer in self._stages if producer.name in before)
        return Answer(stage.name, reasons, before, harmless and all(reason.harmless for reason in reasons))

    def _may_run(self, stage: StageDefinition) -> bool:
        """Whether it runs, or may because a stage before it runs."""
        producers = [producer for path in stage.data if (producer := self._producer(path)) is not None]
        return stage.name in self._status or any(map(self._may_run, producers))

    def _producer(self, path: str) -> StageDefinition | None:
        return next((stage for stage in self._stages if _writes(stage, path)), None)

    def _reasons(self, stage: StageDefinition) -> list[Reason]:
        if stage.name not in self._status:
            return []
        if stage.name not in self._locked:
            return [Reason("new", "it never ran: dvc.lock does not have it")]
        reasons = []
        for change in self._status[stage.name]:
            if not isinstance(change, dict):
                reasons.append(self._other(stage, str(change)))
                continue
            for path, kind in change.get("changed deps", {}).items():
                reasons += self._dependency(stage, path, kind)
            for path, kind in change.get("changed outs", {}).items():
                reasons.append(self._output(stage, path, kind))
        # DVC fills parameters into paths as `dvc repro` starts; one that was edited after that is in dvc.lock alone.
        return reasons or [Reason("data", "dvc.lock has another checkpoint than the parameters in it name")]

    def _other(self, stage: StageDefinition, change: str) -> Reason:
        if change == "changed command":
            return Reason("command", f"{self._locked[stage.name].get('cmd')} → {stage.command}")
        return Reason("dvc", change)

    def _output(self, stage: StageDefinition, path: str, kind: str) -> Reason:
        if path not in _digests(self._locked[stage.name], "outs"):
            return Reason("output", f"{path} is new in dvc.yaml")
        if kind == DELETED:
            return Reason("output", f"{path} is missing")
        return Reason("output", f"{path} is not as {stage.name} wrote it ({kind})")

    def _dependency(self, stage: StageDefinition, path: str, kind: str | dict[str, str]) -> list[Reason]:
        parameters = self._locked[stage.name].get("params", {})
        if isinstance(kind, dict):
            return [reason for key in kind for reason in self._values(parameters.get(path, {}), path, key)]
        if path not in stage.deps:
            return [Reason("parameter", f"{path} is {'missing' if kind == DELETED else 'new in dvc.yaml'}")]
        locked = _digests(self._locked[stage.name], "deps").get(path)
        if locked is None and path.startswith(f"{ORIGINS}/"):
            # Which one it is, is a parameter, and told as such.
            return [] if (self._root / path).exists() else [self._data(path, "")]
        if locked is None:
            return [Reason("data" if path in stage.data else "code", f"{path} is new in dvc.yaml")]
        return self._code(path, locked) if path in stage.code else [self._data(path, locked)]

    def _values(self, locked: dict[str, Any], path: str, key: str) -> list[Reason]:
        old = _section(locked, key) if key not in locked else {key: locked[key]}
        new = _section(_load(self._root / path), key)
        # versions.toml has a table for each stage, which the reader knows from the line above.
        lines = value_changes(old.get(key) or {}, new.get(key) or {}) if path == VERSIONS else value_changes(old, new)
        kind = "version" if path == VERSIONS else "parameter"
        return [Reason(kind, line) for line in lines] or [Reason(kind, f"{key} in {path} changed")]

    def _code(self, path: str, locked: str) -> list[Reason]:
        new = present(self._root, path)
        if not new:
            return [Reason("code", f"{path} is missing")]
        old = self._earlier.find(path, locked)
        if old is None:
            unknown = "what changed in it is unknown: neither the journal nor git has it as it was at the last run"
            return [Reason("code", f"{path} changed; {unknown}")]
        return code_changes(old, new) or [Reason("code", f"{path} changed")]

    def _data(self, path: str, locked: str) -> Reason:
        producer = self._producer(path)
        if not (self._root / path).exists():
            remedy = f"; {producer.name} writes it" if producer else ""
            if path.startswith(f"{ORIGINS}/"):
                remedy = f"; `seqlab take {Path(path).name}` or `dvc pull` puts it there"
            return Reason("data", f"{path} is missing{remedy}")
        if producer is not None:
            if self._is_edited(producer, path):
                return Reason("data", f"{path} was changed on disk since {producer.name} wrote it")
            return Reason("data", f"{path} is another than at the last run: {producer.name} wrote it anew")
        old = self._earlier.find(path, locked)
        changes = _file_changes(old, present(self._root, path), path) if old is not None else ""
        return Reason("data", f"{path} changed" + (f": {changes}" if changes else ""))

    def _is_edited(self, producer: StageDefinition, path: str) -> bool:
        """Whether DVC finds `path` on disk otherwise than the stage that makes it left it."""
        changes = [change for change in self._status.get(producer.name, []) if isinstance(change, dict)]
        return any(_overlap(path, out) for change in changes for out in change.get("changed outs", {}))


def _either(paths: list[str]) -> str:
    return " or ".join(paths) if len(paths) <= FEW else f"of the {len(paths)} files that it reads"


def _writes(stage: StageDefinition, path: str) -> bool:
    return any(_overlap(path, out) for out in stage.outs)


def _overlap(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/")


def _digests(locked: dict[str, Any], key: str) -> dict[str, str]:
    return {entry["path"]: entry.get("md5", "") for entry in locked.get(key, [])}


def _load(path: Path) -> dict[str, Any]:
    if path.suffix != ".toml":
        return dict(read_yaml(path) or {})
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SeqlabError(f"cannot read {path}: {error}") from None


def _section(content: dict[str, Any], key: str) -> dict[str, Any]:
    """The value at a dotted key, under that key; {} if there is none."""
    value: Any = content
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return {}
        value = value[part]
    return {key: value}


def _file_changes(old: Tree, new: Tree, folder: str) -> str:
    """Which files of a folder differ, in words; empty for a single file."""
    found = []
    for path in sorted({*old, *new} - {folder}):
        if old.get(path) != new.get(path):
            verb = "removed" if path not in new else "added" if path not in old else "changed"
            found.append(f"{path.removeprefix(folder + '/')} {verb}")
    return ", ".join(found)
