"""What a run is made of is said once, and is what the stages write."""

import ast
from collections.abc import Iterator
from pathlib import Path

from seqlab.results import paths
from seqlab.tracking.fingerprint.pipeline import load_stage, stage_names
from seqlab.tracking.publishing import tags

ROOT = Path(__file__).parents[2]
PATHS, TAGS = (ROOT / f"src/seqlab/{name}.py" for name in ("results/paths", "tracking/publishing/tags"))
# Not written by stages, but for the lock.
GIVEN = {paths.PARAMS, paths.PIPELINE, paths.VERSIONS, paths.LOCK, paths.PROJECT, paths.OWN_TEXT}
FILES = {name: value for name, value in vars(paths).items() if name.isupper() and isinstance(value, str)}


def strings(path: Path) -> Iterator[str]:
    """The strings of a module, also within f-strings, but for those that stand alone: docstrings."""
    tree = ast.parse(path.read_bytes())
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def test_each_path_is_an_output_or_lies_below_one() -> None:
    outs = {out for stage in stage_names(ROOT) for out in load_stage(ROOT, stage).outs}
    files = {value for value in FILES.values() if Path(value).suffix and value not in GIVEN}
    assert len(files) > 12
    assert {file for file in files if not any(file == out or file.startswith(f"{out}/") for out in outs)} == set()
    assert {out for out in outs if not out.startswith(paths.OUTPUTS)} == set()
    # Of the outputs that are files, all but the figures that only DVC shows.
    assert {out for out in outs if Path(out).suffix} - files == {"reports/metrics.json"}


def test_the_files_of_a_recipe_are_there_and_its_code_is_what_stages_depend_on() -> None:
    assert [name for name in (*paths.RECIPE, *paths.PINS, *GIVEN) if not (ROOT / name).exists()] == []
    code = {path for stage in stage_names(ROOT) for path in load_stage(ROOT, stage).deps if path.endswith(".py")}
    assert len(code) > 12
    assert {path for path in code if not path.startswith(paths.CODE_FILES)} == set()
    assert tuple(f"{folder}/" for folder in paths.CODE) == paths.CODE_FILES


def test_what_a_report_shows_is_no_result_of_the_run() -> None:
    assert {*paths.PAGES} == {*load_stage(ROOT, "report").outs}
    results = {out for stage in ("train", "evaluate") for out in load_stage(ROOT, stage).outs}
    assert {out for out in results if not out.startswith(paths.RESULTS)} == set()
    assert {f"{out}/" for out in results if not Path(out).suffix} == {*paths.CHECKPOINTS}


def test_nobody_else_spells_them() -> None:
    """Nor the names of tags, but for those that are words."""
    outputs = {value for value in FILES.values() if value.startswith(paths.OUTPUTS)} | GIVEN
    names = {value for name, value in vars(tags).items() if name.isupper() and isinstance(value, str)}
    names = {name for name in names - {*FILES.values()} if "." in name}
    assert len(outputs) > 12
    assert len(names) > 10
    for home, spelled in ((PATHS, outputs), (TAGS, names)):
        others = [path for path in ROOT.glob("src/seqlab/**/*.py") if path != home]
        found = {(path, text) for path in others for text in strings(path) if text and is_spelled(text, spelled)}
        assert found == set()


def is_spelled(text: str, names: set[str]) -> bool:
    """Whether it is one of them, or begins so: a sentence may name them."""
    return " " not in text and any(text == name or (name[-1] in "./" and text.startswith(name)) for name in names)
