import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqlab.commands.why.definitions import differences
from seqlab.core.errors import SeqlabError

ROOT = Path(__file__).parents[3]
MODULE = '''"""A module."""

import math
from pathlib import Path

KEPT = 3
"""How many."""
size: int = 4


def area(radius: float, scale: float = 1.0) -> float:
    """Area of a circle."""

    def square(x: float) -> float:
        # Once.
        return x * x

    return scale * math.pi * square(radius)


@decorated
class Cell(Base):
    """A cell."""

    width = 2

    @property
    def name(self) -> str:
        return "cell"

    @name.setter
    def name(self, value: str) -> None:
        self.width = 3

    def step(self, x: int) -> int:
        """Step."""
        return x + 1


if KEPT:
    print("kept")
'''

TABLE = [
    ("x * x", "x ** 2", ["function area.square: body changed"]),
    ("scale * math", "math", ["function area: body changed"]),
    ("= 1.0", "= 2.0", ["function area: arguments changed"]),
    ("scale: float", "scale: int", ["function area: arguments changed"]),
    (") -> float:\n    ", ") -> int:\n    ", ["function area: type of the result changed"]),
    ("def area", "async def area", ["function area: async changed"]),
    ("@decorated", "@otherwise", ["class Cell: decorators changed"]),
    ("@decorated\n", "", ["class Cell: decorators changed"]),
    ("Cell(Base)", "Cell(Base, slots=True)", ["class Cell: bases changed"]),
    ("width = 2", "width = 3", ["attribute Cell.width: value changed"]),
    ("x + 1", "x + 2", ["method Cell.step: body changed"]),
    ("def step", "@final\n    def step", ["method Cell.step: decorators changed"]),
    ("def step", "def stride", ["method Cell.step is now called stride"]),
    ('return "cell"', 'return "unit"', ["method Cell.name: body changed"]),
    ("self.width = 3", "self.width = 4", ["method Cell.name (no. 2): body changed"]),
    ("KEPT = 3", "KEPT = 4", ["constant KEPT: value changed"]),
    ("KEPT = 3", "KEPT = 3.0", ["constant KEPT: value changed"]),
    ("size: int = 4", "size: float = 4", ["variable size: type changed"]),
    ("size: int = 4", "size: int = 4\nsize += 1", ["variable size (no. 2) added"]),
    ("import math", "import cmath as math", ["import math: origin changed"]),
    ("import math\n", "", ["import math removed"]),
    ("import math", "import math, os", ["import os added"]),
    ("class Cell", "class Unit", ["class Cell is now called Unit"]),
    ("def area", "def surface", ["function area is now called surface"]),
    ("class Cell", "def added(): ...\n\nclass Cell", ["class Cell: decorators changed", "function added added"]),
    ('print("kept")', 'print("left")', ["statements changed"]),
    ("if KEPT", "if not KEPT", ["statements changed"]),
    ("KEPT = 3\n", "", ["constant KEPT removed"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), TABLE)
def test_the_definition_that_changed_is_named(old: str, new: str, expected: list[str]) -> None:
    assert MODULE.count(old) >= 1
    changed = MODULE.replace(old, new, 1)
    assert differences(MODULE.encode(), changed.encode(), "cell.py") == expected
    assert len(differences(changed.encode(), MODULE.encode(), "cell.py")) == len(expected)


def test_comments_docstrings_and_layout_are_no_change() -> None:
    moved = (
        MODULE.replace('"""A module."""\n', "# A module.\n")
        .replace("        # Once.\n", "")
        .replace('    """Step."""\n', '    """Steps\n        twice."""\n        # Where the docstring went.\n')
        .replace('"""How many."""\n', "")
        .replace("x + 1", "(x\n                + 1)")
    )
    assert moved != MODULE
    assert differences(MODULE.encode(), moved.encode(), "cell.py") == []


def test_another_order_of_definitions_is_a_change() -> None:
    one, two = "def one(): ...\n", "def two(): ...\n"
    assert differences((one + two).encode(), (two + one).encode(), "m.py") == ["order of its definitions changed"]


def test_what_depends_on_a_condition_is_a_part_of_it() -> None:
    before, after = b"if a:\n    x = 1\n", b"if a:\n    x = 2\n"
    assert differences(before, after, "m.py") == ["statements changed"]
    before, after = b"if a:\n    def f(): ...\nelse:\n    b", b"if a:\n    b\nelse:\n    def f(): ...\n"
    assert differences(before, after, "m.py") == ["statements changed"]
    before, after = b"if a:\n    def f(): ...\n", b"def f(): ...\nif a:\n    pass\n"
    assert differences(before, after, "m.py") == ["statements changed"]
    before, after = b"def f(): ...\nif a: ...", b"if a: ...\ndef f(): ..."
    assert differences(before, after, "m.py") == ["the place of a definition changed"]


def test_several_changes_are_all_named() -> None:
    changed = MODULE.replace("x * x", "x").replace("KEPT = 3", "KEPT = 4").replace("def step", "def stride")
    assert differences(MODULE.encode(), changed.encode(), "cell.py") == [
        "constant KEPT: value changed",
        "function area.square: body changed",
        "method Cell.step is now called stride",
    ]


def test_a_name_that_is_something_else_now_is_said_to_be() -> None:
    assert differences(b"def area(): ...", b"class area: ...", "m.py") == ["function area is now a class"]


def test_a_definition_that_moved_into_another_is_removed_and_added() -> None:
    before, after = b"def inner(): ...\ndef outer(): ...", b"def outer():\n    def inner(): ...\n    ..."
    assert differences(before, after, "m.py") == ["function outer.inner added", "function inner removed"][::-1]


def test_what_is_not_python_is_refused() -> None:
    with pytest.raises(SeqlabError, match=r"cell\.py is not valid Python"):
        differences(b"x = 1", b"def", "cell.py")


# What is too deep for one Python is not for a newer one, which needs less of its stack for a level.
DEEP = {
    "a sum": b"print(" + b"1+" * 700 + b"1)\n",
    "many elif": b"if x:\n  y\n" + b"elif x:\n  y\n" * 450,
    "a call": b"f" + b"(1)" * 700,
}


@pytest.mark.parametrize("kind", DEEP)
def test_what_is_nested_too_deeply_is_refused(kind: str) -> None:
    for old, new in ((b"x = 1", DEEP[kind]), (DEEP[kind], b"x = 1")):
        with pytest.raises(SeqlabError, match=r"cell\.py (is|changed, and is) nested more deeply than"):
            differences(old, new, "cell.py")


def test_of_definitions_that_are_the_same_each_has_another_name() -> None:
    before, after = b"def a(): ...\ndef b(): ...\ndef c(): ...", b"def d(): ...\ndef e(): ..."
    assert differences(before, after, "m.py") == [
        "function a is now called d", "function b is now called e", "function c removed"
    ]  # fmt: skip


def functions_of(scope: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions in a syntax tree, each with its name and those of the definitions around it."""
    for node in ast.iter_child_nodes(scope):
        name = prefix
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name = f"{prefix}.{node.name}".removeprefix(".")
        if isinstance(node, ast.FunctionDef):
            yield name, node
        yield from functions_of(node, name)


@pytest.mark.parametrize("path", sorted(ROOT.glob("src/seqlab/training/*.py")), ids=lambda path: path.name)
def test_in_real_modules_an_edited_body_is_named_and_nothing_else(path: Path) -> None:
    text = path.read_bytes()
    for number, (name, _) in enumerate(functions_of(ast.parse(text))):
        tree = ast.parse(text)
        list(functions_of(tree))[number][1].body.append(ast.Pass())
        (found,) = differences(text, ast.unparse(tree).encode(), path.name)
        assert re.fullmatch(rf"(function|method) {re.escape(name)}( \(no\. \d\))?: body changed", found)
