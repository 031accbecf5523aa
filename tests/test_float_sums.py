"""The built-in `sum` adds no floats: from Python 3.12 on it compensates rounding errors, so the last digit of a result
would depend on the Python. `math.fsum` gives the exact sum, rounded once, on every one.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Functions and methods of whole numbers, or that give one.
WHOLE = {"len", "int", "ceil", "floor", "numel", "_size"}
# Sums of whole numbers whose form does not say so.
KNOWN = {
    "src/seqlab/corpus/build.py: sum((held_out[split][source] for source in sources))",
    "src/seqlab/corpus/own/columns.py: sum(map(_are_names, below))",
    "src/seqlab/corpus/files.py: sum(sizes.values())",
    "src/seqlab/results/exposure.py: sum((tokens for tokens, _, _ in finite))",
    "src/seqlab/evaluation/exposure.py: sum(tokens)",
    "src/seqlab/training/graphs/inputs.py: sum(shape.sizes)",
    "src/seqlab/text/batches.py: sum(pairs)",
    "src/seqlab/text/sequences.py: sum((size for size, _ in parts))",
    "src/seqlab/text/spacing.py: sum(map(str.isalpha, rest))",
    "src/seqlab/tracking/publishing/moved.py: "
    "sum((_replace(connection, location, here.as_uri()) for location in before))",
    "src/seqlab/training/digests.py: sum(rows)",
    "src/seqlab/training/shards.py: sum(sizes)",
    "src/seqlab/commands/search/view.py: sum((each.epochs for each in self.trials.done))",
    "src/seqlab/commands/search/view.py: sum((self.trials.rungs[-1] - each.epochs for each in unfinished))",
    "src/seqlab/training/continuation.py: sum((path.stat().st_size for path in folder.rglob('*') if path.is_file()))",
}


def found(tree: ast.AST) -> Iterator[str]:
    """The calls of the built-in `sum` that are not seen to add whole numbers, and other names for it."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "sum" and id(node) not in called:
            yield "sum, not called"
        elif isinstance(node, ast.Attribute) and ast.unparse(node) == "builtins.sum":
            yield "builtins.sum"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "sum" and not _whole_terms(node.args[0]):
            yield ast.unparse(node)


def _whole_terms(terms: ast.expr) -> bool:
    if isinstance(terms, ast.GeneratorExp | ast.ListComp):
        return _whole(terms.elt)
    return isinstance(terms, ast.Call) and ast.unparse(terms.func) == "map" and _name(terms.args[0]) in WHOLE


def _whole(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return _name(node.func) in WHOLE
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    return isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def test_the_built_in_sum_adds_no_floats() -> None:
    sources = sorted(path for folder in ("src/seqlab", "pipeline") for path in (ROOT / folder).rglob("*.py"))
    assert len(sources) > 100
    seen = {
        f"{path.relative_to(ROOT).as_posix()}: {what}"
        for path in sources
        for what in found(ast.parse(path.read_text("utf-8")))
    }
    # What is not KNOWN takes math.fsum; or, of whole numbers, stands there; what is gone from src/ leaves it.
    assert seen == KNOWN


@pytest.mark.parametrize(
    "code",
    [
        "sum(losses)",
        "sum(loss * count for loss, count in rows)",
        "sum([0.1, 0.2], start)",
        "sum(map(math.log, values))",
        "sum(x for x in (0.1, 0.2))",
        "sum(0.5 for _ in rows)",
        "add = sum",
        "reduce(sum, rows)",
        "import builtins\nbuiltins.sum(rows)",
    ],
)
def test_what_is_planted_is_found(code: str) -> None:
    assert list(found(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "math.fsum(losses)",
        "array.sum()",
        "sum(1 for line in file)",
        "sum(a != b for a, b in pairs)",
        "sum(not found for found in all)",
        "sum(len(row) for row in rows)",
        "sum(map(len, rows))",
        "sum(parameter.numel() for parameter in parameters)",
    ],
)
def test_sums_of_whole_numbers_are_not(code: str) -> None:
    assert list(found(ast.parse(code))) == []
