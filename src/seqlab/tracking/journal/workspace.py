"""The working copy as DVC left it: a run may be all here, from DVC's cache, without one line in this journal."""

from pathlib import Path

from seqlab.params.params import load_params
from seqlab.results.paths import INPUTS, PARAMS
from seqlab.system.dvc import dvc_status
from seqlab.tracking.fingerprint.content import files_below
from seqlab.tracking.fingerprint.fingerprint import load_recipe
from seqlab.tracking.fingerprint.pipeline import load_stage, locked_stages
from seqlab.tracking.fingerprint.provenance import commit_time, provenance
from seqlab.tracking.journal.execution import Execution
from seqlab.tracking.journal.source import SOURCE, keep_source
from seqlab.tracking.objects import Objects


def stale_stages(root: Path) -> dict[str, str]:
    """Stage → what changed, for each stage of working copy `root` that `dvc repro` would run.

    Raises:
        SeqlabError: dvc.lock is damaged, or DVC cannot tell.
    """
    locked_stages(root)
    return {stage: "; ".join(_reasons(changes)) for stage, changes in dvc_status(root).items()}


def workspace_execution(root: Path, objects: Objects, *, with_report: bool) -> Execution:
    """The finished run in working copy `root`, as an execution whose files were all found, none made.

    Its time is the commit's: files have no other.

    Raises:
        SeqlabError: a file that the fingerprint needs is missing or damaged.
    """
    recipe = load_recipe(load_params(root / PARAMS), root)
    outs = [out for stage in ("train", "evaluate") for out in load_stage(root, stage).outs]
    reports = load_stage(root, "report").outs if with_report else ()
    packages = sorted({*recipe.train["versions"], *recipe.evaluate["versions"]})
    time = commit_time(root)
    return Execution(
        id="",
        stage="report",
        header={
            "train_fingerprint": recipe.train_fingerprint,
            "run_fingerprint": recipe.run_fingerprint,
            "recipe": {"train": recipe.train, "evaluate": recipe.evaluate},
            "provenance": provenance(root, packages),
            "inputs": _kept(root, (*INPUTS, *outs), objects) | {SOURCE: keep_source(root, objects)},
        },
        started=time,
        last_seen=time,
        outcome="finished",
        outputs=_kept(root, reports, objects),
    )


def _kept(root: Path, names: tuple[str, ...], objects: Objects) -> dict[str, str]:
    return {file.relative_to(root).as_posix(): objects.put(file) for name in names for file in files_below(root / name)}


def _reasons(changes: list[object]) -> list[str]:
    found = []
    for change in changes:
        if isinstance(change, str):
            found.append(change)
        elif isinstance(change, dict):
            found += [f"{kind.removeprefix('changed ')}: {', '.join(items)}" for kind, items in change.items()]
    return found
