"""Whether DVC has the result of a stage already, so that it restores it instead of running."""

import logging
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from seqlab.core.errors import SeqlabError


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
    """Without DVC's own words: it would say that it restores what it only looks for."""
    logger = logging.getLogger("dvc")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
