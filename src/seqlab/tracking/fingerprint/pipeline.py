"""What dvc.yaml and dvc.lock say of a stage."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.core.errors import SeqlabError
from seqlab.params.schema import NAME
from seqlab.params.yaml import read_yaml
from seqlab.results.paths import CODE_FILES, LOCK, PARAMS, PIPELINE
from seqlab.tracking.fingerprint.canonical import value_at

# The stages that make a model, and those that make a result of it; a stale report is left out.
MODEL_STAGES = ("download", "tokenize", "train")
RESULT_STAGES = (*MODEL_STAGES, "evaluate")
# A parameter in a path, as DVC writes it.
_PARAMETER = re.compile(r"\$\{([\w.]+)\}")


@dataclass(frozen=True)
class StageDefinition:
    """A stage of dvc.yaml: the paths that it reads and writes, relative to dvc.yaml, its command and parameters.

    `params` are those of params.yaml, a section by its name.
    """

    name: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    command: str = ""
    params: tuple[str, ...] = ()

    @property
    def code(self) -> tuple[str, ...]:
        """Its dependencies that are code."""
        return tuple(path for path in self.deps if path.startswith(CODE_FILES))

    @property
    def data(self) -> tuple[str, ...]:
        """Its other dependencies."""
        return tuple(path for path in self.deps if not path.startswith(CODE_FILES))


def load_stage(root: Path, name: str) -> StageDefinition:
    """Read stage `name` from `root`/dvc.yaml.

    Raises:
        SeqlabError: dvc.yaml is missing, is not YAML, or has no such stage; or a path of it leads out of the project,
            or holds a parameter, and params.yaml is missing, is not YAML, or has no such parameter.
    """
    return _definition(root, read_yaml(root / PIPELINE), name, _Values(root))


class _Values:
    """The parameters of `root`/params.yaml, read if a path asks for one."""

    def __init__(self, root: Path) -> None:
        self._path = root / PARAMS
        self._content: Any = None

    def fill(self, path: str) -> str:
        """The path with the values of the parameters in it."""
        return _PARAMETER.sub(lambda match: self._value(match[1]), path)

    def _value(self, name: str) -> str:
        if self._content is None:
            self._content = read_yaml(self._path)
        value = value_at(self._content, name)
        # No path that leads elsewhere: the files may be somebody else's.
        if not isinstance(value, str) or not NAME.fullmatch(value):
            raise SeqlabError(f"dvc.yaml has a path with parameter {name}, which is no name in {self._path}")
        return value


def _definition(root: Path, content: Any, name: str, values: _Values) -> StageDefinition:
    try:
        stage = content["stages"][name]
        outs = [item for key in ("outs", "metrics", "plots") for item in stage.get(key, [])]
        deps = _paths(stage.get("deps", []), values.fill)
        params = tuple(each for each in stage.get("params", []) if isinstance(each, str))
        return StageDefinition(name, deps, _paths(outs, values.fill), str(stage.get("cmd", "")), params)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise SeqlabError(f"{root / PIPELINE} has no stage {name} with deps and outs") from None


def load_stages(root: Path) -> list[StageDefinition]:
    """All stages of `root`/dvc.yaml, in its order.

    Raises:
        SeqlabError: as `load_stage`; or dvc.yaml has no stages.
    """
    content = read_yaml(root / PIPELINE)
    values = _Values(root)
    return [_definition(root, content, name, values) for name in _names(root, content)]


def stage_paths(root: Path) -> list[str]:
    """The paths that any stage of `root`/dvc.yaml reads or writes.

    Raises:
        SeqlabError: as `load_stage`.
    """
    return sorted({path for stage in load_stages(root) for path in (*stage.deps, *stage.outs)})


def stage_names(root: Path) -> list[str]:
    """The stages of `root`/dvc.yaml, in its order.

    Raises:
        SeqlabError: dvc.yaml is missing, is not YAML, or has no stages.
    """
    return _names(root, read_yaml(root / PIPELINE))


def _names(root: Path, content: Any) -> list[str]:
    try:
        return [str(name) for name in content["stages"]]
    except (KeyError, TypeError):
        raise SeqlabError(f"{root / PIPELINE} has no stages") from None


def locked_stages(root: Path) -> dict[str, dict[str, Any]]:
    """Stage → what `root`/dvc.lock says of it: cmd, deps, params, outs; {} without that file.

    Raises:
        SeqlabError: dvc.lock is damaged.
    """
    path = root / LOCK
    if not path.is_file():
        return {}
    try:
        return {str(name): dict(stage) for name, stage in read_yaml(path)["stages"].items()}
    except (SeqlabError, KeyError, TypeError, AttributeError, ValueError):
        raise damaged_lock(path) from None


def locked_digests(root: Path) -> dict[str, str]:
    """Path → MD5 of every dependency and output in `root`/dvc.lock; {} without that file.

    Raises:
        SeqlabError: dvc.lock is damaged.
    """
    stages = locked_stages(root).values()
    try:
        # Outputs last: where both name a path, the output is newer.
        entries = [entry for key in ("deps", "outs") for stage in stages for entry in stage.get(key, [])]
        return {entry["path"]: entry["md5"] for entry in entries if "md5" in entry}
    except (KeyError, TypeError, AttributeError):
        raise damaged_lock(root / LOCK) from None


def damaged_lock(path: Path) -> SeqlabError:
    """What to raise where dvc.lock, at `path`, is not as DVC writes it."""
    return SeqlabError(
        f"{path} is damaged, cut off or with conflict markers in it; restore it with `git checkout dvc.lock`, then "
        "`dvc repro`, which takes from its cache what was made already"
    )


def _paths(items: list[Any], fill: Callable[[str], str]) -> tuple[str, ...]:
    # An entry with options is a mapping with the path as its only key.
    return tuple(fill(_checked(item if isinstance(item, str) else next(iter(item), None))) for item in items)


def _checked(path: object) -> str:
    if not isinstance(path, str):
        raise ValueError("an entry is no path")
    # Of somebody else's dvc.yaml, too: what it names is read.
    if ".." in path.split("/"):
        raise SeqlabError(f"dvc.yaml has a path that leads out of its folder: {path:.200}")
    return path
