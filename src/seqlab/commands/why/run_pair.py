"""Why two runs differ: parameter by parameter, and definition by definition where the code differs."""

import re
import tempfile
from pathlib import Path
from typing import Any

from seqlab.commands.why.code_changes import code_changes
from seqlab.commands.why.earlier import Tree, committed, files_at
from seqlab.commands.why.reason import Reason, as_lines, value_changes
from seqlab.core.errors import SeqlabError
from seqlab.results.paths import MANIFEST
from seqlab.tracking.fingerprint.code import code_digest
from seqlab.tracking.fingerprint.content import write_tree
from seqlab.tracking.fingerprint.fingerprint import Recipe
from seqlab.tracking.fingerprint.pipeline import load_stage
from seqlab.tracking.foreign import json_object
from seqlab.tracking.home import find_home
from seqlab.tracking.journal.record import recipe_data, recipe_params
from seqlab.tracking.journal.source import SOURCE, read_source
from seqlab.tracking.publishing.run import Run, load_run
from seqlab.tracking.publishing.tags import NUMERICS_CLASS

PARTS = ("train", "evaluate")
SHA256 = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")


def explain_runs(start: Path, first: str, second: str) -> str:
    """What differs between the recipes of two runs, each an id, a name or the beginning of a fingerprint.

    Raises:
        SeqlabError: outside a DVC project; there is no such run, or more than one; the server does not answer.
    """
    home = find_home(start)
    old, new = load_run(home, first), load_run(home, second)
    for run in (old, new):
        if not run.fingerprint:
            raise SeqlabError(f"{run.place} is none of seqlab's: it has no fingerprint")
    numerics = _numerics(old, new)
    if old.fingerprint == new.fingerprint:
        return "\n".join([f"{old.name} and {new.name} are one recipe: {old.fingerprint}", *as_lines(numerics)])
    reasons = [*_values(old, new), *_data(old, new), *numerics, *_code(home.root, old, new)]
    model = "the same model, scored otherwise" if _train(old) == _train(new) else "another model"
    return "\n".join([f"{old.name} → {new.name}: {model}", *as_lines(reasons)])


def _train(run: Run) -> str:
    return Recipe(run.recipe["train"], run.recipe["evaluate"]).train_fingerprint


def _values(old: Run, new: Run) -> list[Reason]:
    parameters = value_changes(recipe_params(old.recipe), recipe_params(new.recipe))
    versions = [
        line for part in PARTS for line in value_changes(old.recipe[part]["versions"], new.recipe[part]["versions"])
    ]
    return [*(Reason("parameter", line) for line in parameters), *(Reason("version", line) for line in versions)]


def _numerics(old: Run, new: Run) -> list[Reason]:
    before, after = old.tags.get(NUMERICS_CLASS, "unknown"), new.tags.get(NUMERICS_CLASS, "unknown")
    return [Reason("numerics", f"{before} → {after}")] if before != after else []


def _data(old: Run, new: Run) -> list[Reason]:
    before, after = recipe_data(old.recipe), recipe_data(new.recipe)
    paths = [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
    if not paths:
        return []
    corpus = [SHA256.sub(r"\1", line) for line in value_changes(_manifest(old), _manifest(new))]
    return [*(Reason("data", f"{path} differs") for path in paths), *(Reason("corpus", line) for line in corpus)]


def _manifest(run: Run) -> dict[str, Any]:
    try:
        return json_object(run.content(MANIFEST) or b"{}")
    except SeqlabError:
        # Somebody else's file: what it was made from is not known.
        return {}


def _code(root: Path, old: Run, new: Run) -> list[Reason]:
    found = []
    for part in PARTS:
        if old.recipe[part]["code"] == new.recipe[part]["code"]:
            continue
        trees = [_source(root, run, part) for run in (old, new)]
        if trees[0] is not None and trees[1] is not None:
            found += [change for change in code_changes(trees[0], trees[1]) if not change.harmless]
            continue
        unknown = [run.name for run, tree in zip((old, new), trees, strict=True) if tree is None]
        found.append(Reason("code", f"the code of {part} differs; no copy of it was kept for {' and '.join(unknown)}"))
    return found


def _source(root: Path, run: Run, part: str) -> Tree | None:
    """The code of stage `part` that the run is made from: from its archive, or from its commit; None if neither."""
    archive = run.content(SOURCE)
    candidates = [read_source(archive)] if archive else []
    if run.commit:
        candidates.append(committed(root, run.commit))
    return next((code for tree in candidates if (code := _code_of(tree, run, part)) is not None), None)


def _code_of(tree: Tree, run: Run, part: str) -> Tree | None:
    """What stage `part` depends on in `tree`; None unless it is the code that the recipe says."""
    with tempfile.TemporaryDirectory(prefix="seqlab-source-") as folder:
        try:
            write_tree(Path(folder), tree)
            paths = load_stage(Path(folder), part).code
            if code_digest(Path(folder), paths) != run.recipe[part]["code"]:
                return None
        except (SeqlabError, OSError, RecursionError):
            return None
    return {name: content for path in paths for name, content in files_at(tree, path).items()}
