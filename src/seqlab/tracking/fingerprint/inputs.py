"""What a stage reads: DVC asks when the stage has ended, and the stage has read it when it began."""

from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from seqlab.core.errors import SeqlabError
from seqlab.params.yaml import read_yaml
from seqlab.results.paths import LOCK, PARAMS, VERSIONS
from seqlab.tracking.fingerprint.canonical import flatten, value_at
from seqlab.tracking.fingerprint.code import syntax_digest
from seqlab.tracking.fingerprint.content import dvc_digest, files_below
from seqlab.tracking.fingerprint.pipeline import StageDefinition, damaged_lock, load_stages, locked_stages
from seqlab.tracking.fingerprint.versions import load_versions

MOST_NAMED = 5
MOMENT_SECONDS, LOOK_SECONDS = 3.0, 0.2
T = TypeVar("T")


class InputsChangedError(SeqlabError):
    """What a stage reads, or what one before it read, is not what it was."""


def patiently(action: Callable[[], T]) -> T:
    """What `action` returns; where it finds that inputs changed, it is called again, for a moment.

    To queue an experiment DVC changes params.yaml, and code, and sets them back: a stage may begin or end meanwhile.
    """
    retrying = Retrying(
        retry=retry_if_exception_type(InputsChangedError),
        wait=wait_fixed(LOOK_SECONDS),
        stop=stop_after_delay(MOMENT_SECONDS),
        reraise=True,
    )
    return retrying(action)


def check_upstream(name: str, root: Path) -> None:
    """Refuse stage `name` where a stage before it ran otherwise than it would run now, by dvc.lock.

    It would be recorded as one of a run that has never been made: of these parameters, versions and code, and with what
    others gave. Under `dvc repro` there was an edit since; `dvc repro --single-item` asks for it. Data are not looked
    at: fingerprints count those that are there. A stage that DVC has not run counts as it is.

    Raises:
        InputsChangedError: one did; the message names what changed.
        SeqlabError: dvc.yaml, dvc.lock or params.yaml is damaged.
    """
    locked, content = locked_stages(root), read_yaml(root / PARAMS)
    for before in takewhile(lambda each: each.name != name, load_stages(root)):
        if before.name in locked and (changed := _since(locked[before.name], before, root, content)):
            raise InputsChangedError(
                f"{_listed(changed)} changed since stage {before.name} ran, by dvc.lock, and what it wrote is of "
                "before: `dvc repro` runs it again first, or goes on with this stage once that is set back"
            )


def _since(locked: dict[str, Any], stage: StageDefinition, root: Path, content: Any) -> list[str]:
    """What changed since the stage was recorded; `content`: of params.yaml."""
    try:
        params = flatten(locked.get("params", {}).get(PARAMS, {}))
        versions = locked.get("params", {}).get(VERSIONS, {}).get(stage.name, {})
        code = {entry["path"]: entry["md5"] for entry in locked.get("deps", []) if entry["path"] in stage.code}
    except (KeyError, TypeError, AttributeError):
        raise damaged_lock(root / LOCK) from None
    now = {
        **{name: value_at(content, name) for name in params},
        **dict.fromkeys(versions),
        **load_versions(root, stage.name),
        **{path: _digest(root / path) for path in code},
    }
    before = {**params, **versions, **code}
    return [_described(name, before.get(name), now[name]) for name in sorted(now) if before.get(name) != now[name]]


class StageInputs:
    """What a stage of working copy `root` reads by dvc.yaml, as it is when this is made.

    Code counts by its syntax, as in fingerprints. A file that is missing has no content.

    Raises:
        SeqlabError: a file cannot be read, or params.yaml or versions.toml is damaged.
    """

    def __init__(self, stage: StageDefinition, root: Path) -> None:
        self._stage, self._root = stage, root
        self._before = self._now()

    def check(self) -> None:
        """Refuse inputs that are others now: DVC would record the stage's result as made from those.

        Raises:
            InputsChangedError: some are; the message names them.
        """
        try:
            changed = self._changed()
        except SeqlabError as error:
            changed = [f"what this stage reads ({error})"]
        if changed:
            raise InputsChangedError(
                f"{_listed(changed)} changed while this stage ran. DVC would record its result as made from what is "
                "there now, so none is recorded: `dvc repro` runs the stage for that. With all set back, it goes on "
                "from what it has"
            )

    def _changed(self) -> list[str]:
        before, now = self._before, self._now()
        names = sorted(name for name in {*before, *now} if not _same(name, before.get(name), now.get(name)))
        return [_described(name, before.get(name), now.get(name)) for name in names]

    def _now(self) -> dict[str, Any]:
        """Parameter, package or path → its value, version or content."""
        content = read_yaml(self._root / PARAMS)
        params = {name: value_at(content, name) for name in self._stage.params}
        data = {path: _digest(self._root / path) for path in self._stage.data}
        return {**flatten(params), **load_versions(self._root, self._stage.name), **data, **self._code()}

    def _code(self) -> dict[str, bytes]:
        files = [file for path in self._stage.code for file in files_below(self._root / path)]
        try:
            return {file.relative_to(self._root).as_posix(): file.read_bytes() for file in files}
        except OSError as error:
            raise SeqlabError(f"cannot read {error.filename}: {error.strerror}") from None


def _listed(changed: list[str]) -> str:
    return ", ".join(changed[:MOST_NAMED]) + (", …" if len(changed) > MOST_NAMED else "")


def _digest(path: Path) -> str | None:
    return dvc_digest(path) if path.exists() else None


def _same(name: str, before: Any, now: Any) -> bool:
    if before == now or not (isinstance(before, bytes) and isinstance(now, bytes) and name.endswith(".py")):
        return bool(before == now)
    return syntax_digest(before, name) == syntax_digest(now, name)


def _described(name: str, before: Any, now: Any) -> str:
    """A path by its name; what has a value with both."""
    return name if "/" in name else f"{name} ({before} → {now})"
