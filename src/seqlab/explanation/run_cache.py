"""Whether DVC has the result of a stage already, so that it restores it instead of running."""

import logging
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any


def cached_stages(root: Path, names: list[str]) -> set[str]:
    """Those of the stages whose result for the present parameters and files is in DVC's cache."""
    if not names:
        return set()
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    found = set()
    # DVC takes dvc.yaml in its cache of runs for one in the current folder.
    with _quiet(), chdir(root), Repo() as repo, repo.lock:
        for name in names:
            try:
                _restore(repo, repo.stage.load_one(name=name))
            except DvcException:
                # Not in the cache, or a file that it reads is missing: then it runs.
                continue
            found.add(name)
    return found


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
