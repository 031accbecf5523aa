"""The command `seqlab take`: models of runs, put where another run can start from one, or translate with them."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from seqlab.commands.why.stale import stale_note
from seqlab.core.atomic import atomic_directory
from seqlab.core.errors import SeqlabError
from seqlab.evaluation.translator import Translator
from seqlab.params.params import load_params
from seqlab.params.schema import NONE, ORIGINS, check_name
from seqlab.results.paths import BEST, PARAMS
from seqlab.seq2seq.checkpoint import MODEL
from seqlab.seq2seq.origin_note import OriginNote, write_note
from seqlab.system.dvc import dvc_status
from seqlab.tracking.fingerprint.content import files_below, sha256
from seqlab.tracking.fingerprint.fingerprint import load_recipe
from seqlab.tracking.fingerprint.pipeline import MODEL_STAGES
from seqlab.tracking.home import find_home
from seqlab.tracking.journal.run_name import IDENTITY, run_name
from seqlab.tracking.publishing.downloads import download_model

# A checkpoint's folder, and which run it is of.
Model = tuple[Path, OriginNote]


def take(start: Path, name: str, runs: Sequence[str] = ()) -> str:
    """Copy the best model of a run in MLflow, or of the working copy around `start`, to models/origins/`name`.

    Those of several runs go to a folder each in it, by the beginning of the run's fingerprint.

    Returns:
        What was done, and what to do next.

    Raises:
        SeqlabError: the name is none; other models are there under it; there is no such run, or it has no model, or not
            the one that was logged; a run is named twice; the working copy's model is not that of its parameters; a
            model is damaged.
    """
    root = find_home(start).root
    folder = root / ORIGINS / _checked(name)
    models = [download_model(run, start) for run in runs] or [_of_working_copy(root)]
    for model, _ in models:
        Translator.load(model)
    place = folder.relative_to(root)
    what = _named([note.run for _, note in models])
    places = _places(models)
    if folder.exists():
        if not _is_of(folder, places):
            others = "other models" if len(models) > 1 else "another model"
            raise SeqlabError(f"{place} holds {others}: choose another name, or delete it first")
        return f"{place} has {what} already"
    with atomic_directory(folder) as temporary:
        for below, (model, note) in places.items():
            for file in files_below(model):
                target = temporary / below / file.relative_to(model)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
            write_note(temporary / below, note)
    start_from, them = "", "them"
    if len(models) == 1:
        start_from = f"Start from it:      dvc exp run -S train.start_from={name} -S tokenizer.take_from={name}\n"
        them = "it"
    return (
        f"{place} has {what}.\n"
        f"{start_from}"
        f"Translate with {them}:  dvc exp run -S evaluate.ensemble_with={name}\n"
        f"Before that, for sweeps and clones to have {them}:  dvc add {place} && git add {ORIGINS}"
    )


def _named(runs: Sequence[str]) -> str:
    *others, last = runs
    return f"the models of runs {', '.join(others)} and {last}" if others else f"the model of run {last}"


def _places(models: Sequence[Model]) -> dict[str, Model]:
    """Where each goes, below the folder of the name: one alone to that folder itself."""
    if len(models) == 1:
        return {"": models[0]}
    places = {note.fingerprint[:IDENTITY]: (model, note) for model, note in models}
    if len(places) < len(models):
        raise SeqlabError("a run is named twice: its model would count twice")
    return places


def _checked(name: str) -> str:
    try:
        check_name(name)
    except ValueError as error:
        raise SeqlabError(str(error)) from None
    if name == NONE:
        raise SeqlabError(f"{NONE} is what params.yaml says where there is no checkpoint: choose another name")
    return name


def _of_working_copy(root: Path) -> tuple[Path, OriginNote]:
    if stale := stale_note(root, "the model is", MODEL_STAGES, lambda: dvc_status(root)):
        raise SeqlabError(stale)
    recipe = load_recipe(load_params(root / PARAMS), root)
    name = run_name(asdict(recipe), recipe.run_fingerprint)
    return root / BEST, OriginNote(name, recipe.run_fingerprint)


def _is_of(folder: Path, places: Mapping[str, Model]) -> bool:
    """Whether the folder holds these models, whatever stands beside their files, and no other one."""
    there = {file.relative_to(folder): sha256(file) for file in files_below(folder)}
    same = all(
        there.get(below / file.relative_to(model)) == sha256(file)
        for below, (model, _) in ((Path(name), each) for name, each in places.items())
        for file in files_below(model)
    )
    return same and {path.parent for path in there if path.name == MODEL} == {Path(name) for name in places}
