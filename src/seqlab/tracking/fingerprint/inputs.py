"""What a stage reads: DVC asks when the stage has ended, and the stage has read it when it began."""

from pathlib import Path
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from seqlab.core.errors import SeqlabError
from seqlab.params.yaml import read_yaml
from seqlab.results.paths import PARAMS
from seqlab.tracking.fingerprint.canonical import flatten
from seqlab.tracking.fingerprint.code import syntax_text
from seqlab.tracking.fingerprint.content import dvc_digest, files_below
from seqlab.tracking.fingerprint.pipeline import StageDefinition
from seqlab.tracking.fingerprint.versions import load_versions

MOST_NAMED = 5
# To queue an experiment DVC changes params.yaml and code for a moment, in which a stage may end.
MOMENT_SECONDS, LOOK_SECONDS = 3.0, 0.2


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
            SeqlabError: some are, and stay so; the message names them.
        """
        for attempt in Retrying(
            retry=retry_if_exception_type(SeqlabError),
            wait=wait_fixed(LOOK_SECONDS),
            stop=stop_after_delay(MOMENT_SECONDS),
            reraise=True,
        ):
            with attempt:
                self._check()

    def _check(self) -> None:
        try:
            changed = self._changed()
        except SeqlabError as error:
            changed = [f"what this stage reads ({error})"]
        if changed:
            named = ", ".join(changed[:MOST_NAMED]) + (", …" if len(changed) > MOST_NAMED else "")
            raise SeqlabError(
                f"{named} changed while this stage ran. DVC would record its result as made from what is there now, so "
                "none is recorded: `dvc repro` runs the stage for that. With all set back, it goes on from what it has"
            )

    def _changed(self) -> list[str]:
        before, now = self._before, self._now()
        names = sorted(name for name in {*before, *now} if not _same(name, before.get(name), now.get(name)))
        return [_described(name, before.get(name), now.get(name)) for name in names]

    def _now(self) -> dict[str, Any]:
        """Parameter, package or path → its value, version or content."""
        content = read_yaml(self._root / PARAMS)
        params = {name: _value(content, name) for name in self._stage.params}
        data = {path: _digest(self._root / path) for path in self._stage.data}
        return {**flatten(params), **load_versions(self._root, self._stage.name), **data, **self._code()}

    def _code(self) -> dict[str, bytes]:
        files = [file for path in self._stage.code for file in files_below(self._root / path)]
        try:
            return {file.relative_to(self._root).as_posix(): file.read_bytes() for file in files}
        except OSError as error:
            raise SeqlabError(f"cannot read {error.filename}: {error.strerror}") from None


def _value(content: Any, name: str) -> Any:
    for part in name.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content


def _digest(path: Path) -> str | None:
    return dvc_digest(path) if path.exists() else None


def _same(name: str, before: Any, now: Any) -> bool:
    if before == now or not (isinstance(before, bytes) and isinstance(now, bytes) and name.endswith(".py")):
        return bool(before == now)
    return syntax_text(before, name) == syntax_text(now, name)


def _described(name: str, before: Any, now: Any) -> str:
    """A path by its name; what has a value with both."""
    return name if "/" in name else f"{name} ({before} → {now})"
