"""The one way to use DVC as a library, for what its command line does not say, or says a second later.

Whatever is no public way of DVC's (`dvc.api` and `dvc.repo` are) may be gone with another version: it is here alone.
Importing DVC takes a second, so each function imports what it needs.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.core.errors import SeqlabError
from seqlab.system import git


@dataclass(frozen=True)
class DefaultRemote:
    """The remote that DVC takes where none is named; `is_relative`: its address counts from .dvc, as it is written."""

    name: str
    address: str
    is_relative: bool


def default_remote(root: Path) -> DefaultRemote | None:
    """The default remote of working copy `root`; None if it has none.

    Raises:
        SeqlabError: the configuration is damaged, or names a remote that it does not define.
    """
    from dvc.config import Config, ConfigError
    from dvc.config_schema import RelPath

    try:
        config = Config(dvc_dir=str(root / ".dvc"))
        name = config["core"].get("remote")
        if not name:
            return None
        address = config["remote"][name]["url"]
    except (ConfigError, KeyError) as error:
        raise SeqlabError(f"DVC's configuration names no usable remote ({error}): see `dvc remote list`") from None
    return DefaultRemote(name, str(address), isinstance(address, RelPath))


def remote_is_there(root: Path, remote: DefaultRemote) -> bool:
    """Ask the default remote for something; whether it is there, where it is a folder of this machine.

    In a store of objects an empty folder is none: it answers, and that will do.

    Raises:
        SeqlabError: it does not answer.
    """
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            store = repo.cloud.get_remote_odb()
            store.fs.exists(store.path)
            return store.fs.protocol != "local" or Path(remote.address).is_dir()
    except Exception as error:  # of the library of that store
        raise SeqlabError(f"DVC's remote does not answer: {type(error).__name__}: {error}") from None


def output_at(root: Path, commit: str, path: str) -> str:
    """The text of a pipeline's output as dvc.lock of a commit names it, from DVC's cache or its remote.

    Raises:
        SeqlabError: there is none, or it is in neither; the message has nothing of the remote.
    """
    import dvc.api

    # Of a commit DVC counts paths from the top of git's repository, in which a project may be a folder.
    place = git.place_of(root)
    try:
        return str(dvc.api.read(place + path, repo=str(root), rev=commit, encoding="utf-8"))
    except Exception:  # of a dozen kinds: DVC hands on what its remotes raise, which may name their address
        raise SeqlabError(
            f"{path} of {commit[:10]} is neither in DVC's cache nor in its remote, or was no output then"
        ) from None


def queued_tasks(root: Path) -> list[dict[str, Any]]:
    """What `dvc queue status` prints, without the second that each start of DVC takes: name, rev and status of each.

    Raises:
        SeqlabError: DVC cannot tell.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(os.fspath(root)) as repo:
            return list(repo.experiments.celery_queue.status())
    except (DvcException, OSError) as error:
        raise SeqlabError(f"DVC's queue: {error}") from None


def cached_stages(root: Path, names: list[str]) -> set[str]:
    """Those of the stages whose result for the present parameters and files is in DVC's cache.

    Raises:
        SeqlabError: DVC is at work here, or cannot read its files.
    """
    if not names:
        return set()
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        # DVC takes dvc.yaml in its cache of runs for one in the current folder.
        with _quiet(), chdir(root), Repo() as repo, repo.lock:
            return {name for name in names if _is_cached(repo, name)}
    except DvcException as error:
        raise SeqlabError(f"DVC: {error}") from None


def _is_cached(repo: Any, name: str) -> bool:
    from dvc.exceptions import DvcException

    try:
        _restore(repo, repo.stage.load_one(name=name))
    except DvcException:
        # Not in the cache, or a file that it reads is missing: then it runs.
        return False
    return True


def _restore(repo: Any, stage: Any) -> None:
    from dvc_data.hashfile.hash_info import HashInfo

    if stage.changed_stage() or not stage.deps_cached():
        stage.save_deps()
        # Without these DVC looks for a result of what the stage reads now, not for the one in dvc.lock.
        for out in stage.outs:
            out.hash_info = HashInfo()
    repo.stage_cache.restore(stage, dry=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without DVC's own words: it would say that it restores what it only looks for, and what its parser refuses."""
    logger = logging.getLogger("dvc")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def parse_setting(setting: str) -> Any:
    """A setting as after `dvc exp run -S`, as Hydra's Override.

    Raises:
        SeqlabError: it is none; the message is Hydra's first line.
    """
    from dvc.utils.hydra import to_hydra_overrides
    from hydra.errors import HydraException

    try:
        (override,) = to_hydra_overrides([setting])
    except (HydraException, ValueError, RecursionError) as error:
        # A ValueError is Python's, of an integer of more digits than it reads.
        raise SeqlabError(_first_line(error)) from None
    return override


def settings_by_file(settings: Sequence[str]) -> dict[str, list[str]]:
    """File of parameters → the settings that are of it."""
    from dvc.utils.cli_parse import to_path_overrides

    return to_path_overrides(settings)  # type: ignore[no-any-return]


def expand_settings(settings: dict[str, list[str]]) -> list[dict[str, list[str]]]:
    """The points of the grid that settings span, file by file, every setting with a single value.

    Raises:
        SeqlabError: they span none; the message is DVC's first line.
    """
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import get_hydra_sweeps
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        return list(get_hydra_sweeps(settings))
    except (DvcException, HydraException, OmegaConfBaseException) as error:
        raise SeqlabError(_first_line(error)) from None


def apply_settings(path: Path, settings: Sequence[str]) -> None:
    """Change a file of parameters as `dvc exp run -S` does.

    Raises:
        SeqlabError: DVC refuses; the message is its reason.
    """
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides
    from omegaconf.errors import OmegaConfBaseException

    try:
        apply_overrides(path, list(settings))
    except (DvcException, OmegaConfBaseException, RecursionError) as error:
        raise SeqlabError(f"{error.__cause__ or error!s:.500}") from None


def has_force(arguments: Sequence[str]) -> bool:
    """Whether arguments of DVC's command line, without the program, have the option `--force`, or its letter."""
    from dvc.cli import DvcParserError
    from dvc.cli.parser import get_main_parser

    # Its own parser knows which of several letters behind one dash are options. It may be of another version.
    with _quiet(), suppress(SystemExit, DvcParserError):
        return bool(getattr(get_main_parser().parse_args(list(arguments)), "force", False))
    return False


def _first_line(error: Exception) -> str:
    return f"{str(error).splitlines()[0]:.200}"
