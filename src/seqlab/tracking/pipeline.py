"""What dvc.yaml and dvc.lock say of a stage."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from seqlab.errors import SeqlabError

CODE_FOLDERS = ("src/", "pipeline/")


@dataclass(frozen=True)
class StageDefinition:
    """A stage of dvc.yaml: the paths that it reads and writes, relative to dvc.yaml."""

    name: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]

    @property
    def code(self) -> tuple[str, ...]:
        """Its dependencies that are code."""
        return tuple(path for path in self.deps if path.startswith(CODE_FOLDERS))

    @property
    def data(self) -> tuple[str, ...]:
        """Its other dependencies."""
        return tuple(path for path in self.deps if not path.startswith(CODE_FOLDERS))


def load_stage(root: Path, name: str) -> StageDefinition:
    """Read stage `name` from `root`/dvc.yaml.

    Raises:
        SeqlabError: dvc.yaml is missing, is not YAML, or has no such stage.
    """
    content = _yaml(root / "dvc.yaml")
    try:
        stage = content["stages"][name]
        outs = [item for key in ("outs", "metrics", "plots") for item in stage.get(key, [])]
        return StageDefinition(name, _paths(stage.get("deps", [])), _paths(outs))
    except (KeyError, TypeError, AttributeError):
        raise SeqlabError(f"{root / 'dvc.yaml'} has no stage {name} with deps and outs") from None


def load_versions(root: Path, stage: str) -> dict[str, str]:
    """The table of `stage` in `root`/versions.toml: package → version.

    Raises:
        SeqlabError: the file or the table is missing or damaged.
    """
    path = root / "versions.toml"
    try:
        return dict(tomllib.loads(path.read_text("utf-8"))[stage])
    except (OSError, ValueError, KeyError) as error:
        raise SeqlabError(f"{path}: cannot read the versions of stage {stage} ({error})") from None


def locked_digests(root: Path) -> dict[str, str]:
    """Path → MD5 of every dependency and output in `root`/dvc.lock; {} without that file.

    Raises:
        SeqlabError: dvc.lock is damaged.
    """
    path = root / "dvc.lock"
    if not path.is_file():
        return {}
    content = _yaml(path)
    try:
        stages = content["stages"].values()
        # Outputs last: where both name a path, the output is newer.
        entries = [entry for key in ("deps", "outs") for stage in stages for entry in stage.get(key, [])]
        return {entry["path"]: entry["md5"] for entry in entries if "md5" in entry}
    except (KeyError, TypeError, AttributeError):
        raise SeqlabError(f"{path} is damaged; restore it with `git checkout dvc.lock`, then `dvc repro`") from None


def _paths(items: list[Any]) -> tuple[str, ...]:
    # An entry with options is a mapping with the path as its only key.
    return tuple(item if isinstance(item, str) else next(iter(item)) for item in items)


def _yaml(path: Path) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(path)
    except OSError as error:
        raise SeqlabError(f"cannot read {path}: {error.strerror}") from None
    except (YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise SeqlabError(f"{path} is not valid YAML: {error}") from None
