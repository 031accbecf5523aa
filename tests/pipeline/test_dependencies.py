"""dvc.yaml's dependencies are each stage's real import closure, so no result can be stale."""

import ast
from pathlib import Path

import grimp
import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
STAGES = ("download", "tokenize", "train", "evaluate", "report")

# What only observes or refuses cannot change an output: it is no dependency of a stage.
EXEMPT = ("seqlab.params", "seqlab.stage", "seqlab.system", "seqlab.tracking")


def closure(stage: str) -> set[str]:
    """The files that a stage imports, directly or not, the exempt ones and what they import left out."""
    graph = grimp.build_graph("seqlab", "pipeline", cache_dir=None)
    for module in sorted(graph.modules):
        if module.startswith(EXEMPT):
            graph.remove_module(module)
    modules = graph.find_upstream_modules(f"pipeline.{stage}") | {f"pipeline.{stage}"}
    return {name for module in modules if (name := source_file(module)) is not None}


def source_file(module: str) -> str | None:
    folder = ROOT if module.startswith("pipeline") else ROOT / "src"
    path = folder / f"{module.replace('.', '/')}.py"
    # A package's own file is empty (test_packages_are_empty), and no dependency.
    return str(path.relative_to(ROOT)) if path.is_file() else None


def declared(stage: str) -> set[str]:
    dependencies = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")["stages"][stage]["deps"]
    files: set[str] = set()
    for dependency in dependencies:
        if not dependency.startswith(("src/", "pipeline/")):
            continue
        path = ROOT / dependency
        found = [path] if path.is_file() else path.rglob("*.py")
        files |= {str(file.relative_to(ROOT)) for file in found if file.name != "__init__.py"}
    return files


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_what_it_imports(stage: str) -> None:
    assert declared(stage) == closure(stage)


@pytest.mark.parametrize("stage", ["train", "evaluate"])
def test_what_trains_a_tokenizer_retrains_no_model(stage: str) -> None:
    # A tokenizer that came out the same leaves nothing to do.
    assert "src/seqlab/text/tokenizer.py" in closure(stage)
    assert not any(path.startswith("src/seqlab/tokenizing/") for path in closure(stage))


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_yaml_reads_as_a_diagram(stage: str) -> None:
    dependencies = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")["stages"][stage]["deps"]
    assert len([path for path in dependencies if path.startswith(("src/", "pipeline/"))]) <= 12


def test_packages_are_empty() -> None:
    packages = [*ROOT.glob("src/**/__init__.py"), ROOT / "pipeline/__init__.py"]
    assert packages
    assert [path for path in packages if path.stat().st_size] == []


# Statements and expressions that choose, repeat or compute.
LOGIC = (
    ast.If, ast.IfExp, ast.For, ast.While, ast.Try, ast.With, ast.Match, ast.BoolOp, ast.BinOp, ast.Compare,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda,
)  # fmt: skip


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_file_holds_no_logic(stage: str) -> None:
    """It reads parameters, sets up the numerics, and calls one function of a package."""
    tree = ast.parse((ROOT / f"pipeline/{stage}.py").read_text("utf-8"))
    (main,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    assert [ast.unparse(node) for node in ast.walk(main) if isinstance(node, LOGIC)] == []
    called = [ast.unparse(node.func) for node in ast.walk(main) if isinstance(node, ast.Call)]
    own = ("Path", "configure", "origin_folder")
    assert len([name for name in called if name not in own and not name.startswith("stage.")]) == 1
