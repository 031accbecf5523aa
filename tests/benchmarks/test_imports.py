"""Benchmarks run without the tests, and without what only testing needs."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def imported(tree: ast.AST) -> set[str]:
    """The first parts of what a syntax tree imports."""
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def test_no_benchmark_imports_from_tests() -> None:
    paths = [*(ROOT / "benchmarks").rglob("*.py")]
    found = {path.name: imported(ast.parse(path.read_bytes())) & {"tests", "pytest", "hypothesis"} for path in paths}
    assert paths
    assert not any(found.values()), found


@pytest.mark.parametrize("code", ["import tests.conftest", "def f():\n    from tests.model import tiny"])
def test_such_an_import_is_found(code: str) -> None:
    assert "tests" in imported(ast.parse(code))
