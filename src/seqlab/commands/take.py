"""The command `seqlab take`: the model of a run, put where another run can start from it."""

import shutil
from dataclasses import asdict
from pathlib import Path

from seqlab.commands.why.stale import stale_note
from seqlab.core.atomic import atomic_directory
from seqlab.core.errors import SeqlabError
from seqlab.evaluation.translator import Translator
from seqlab.params.origin import NONE, ORIGINS, check_name
from seqlab.params.params import load_params
from seqlab.results.paths import BEST
from seqlab.system.dvc import dvc_status
from seqlab.tracking.fingerprint.content import files_below, sha256
from seqlab.tracking.fingerprint.fingerprint import load_recipe
from seqlab.tracking.home import find_home
from seqlab.tracking.journal.run_name import run_name
from seqlab.tracking.publishing.downloads import download_model
from seqlab.training.origin_note import OriginNote, write_note

STAGES = ("download", "tokenize", "train")


def take(start: Path, name: str, run: str | None) -> str:
    """Copy the best model of `run` in MLflow, or of the working copy around `start`, to models/origins/`name`.

    Returns:
        What was done, and what to do next.

    Raises:
        SeqlabError: the name is none; another model is there under it; there is no such run, or it has no model, or not
            the one that was logged; the working copy's model is not that of its parameters; the model is damaged.
    """
    root = find_home(start).root
    folder = root / ORIGINS / _checked(name)
    model, note = _of_working_copy(root) if run is None else download_model(run, start)
    Translator.load(model)
    place = folder.relative_to(root)
    if folder.exists():
        if not _is_of(folder, model):
            raise SeqlabError(f"{place} holds another model: choose another name, or delete it first")
        return f"{place} has the model of run {note.run} already"
    with atomic_directory(folder) as temporary:
        for file in files_below(model):
            target = temporary / file.relative_to(model)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        write_note(temporary, note)
    return (
        f"{place} has the model of run {note.run}.\n"
        f"Start from it:  dvc exp run -S train.start_from={name} -S tokenizer.take_from={name}\n"
        f"Before that, for sweeps and clones to have it:  dvc add {place} && git add {ORIGINS}"
    )


def _checked(name: str) -> str:
    try:
        check_name(name)
    except ValueError as error:
        raise SeqlabError(str(error)) from None
    if name == NONE:
        raise SeqlabError(f"{NONE} is what params.yaml says where there is no checkpoint: choose another name")
    return name


def _of_working_copy(root: Path) -> tuple[Path, OriginNote]:
    if stale := stale_note(root, "the model is", STAGES, lambda: dvc_status(root)):
        raise SeqlabError(stale)
    recipe = load_recipe(load_params(root / "params.yaml"), root)
    name = run_name(asdict(recipe), recipe.run_fingerprint)
    return root / BEST, OriginNote(name, recipe.run_fingerprint)


def _is_of(folder: Path, model: Path) -> bool:
    """Whether the folder holds this model, whatever stands beside it."""
    there = {file.relative_to(folder): sha256(file) for file in files_below(folder)}
    return all(there.get(file.relative_to(model)) == sha256(file) for file in files_below(model))
