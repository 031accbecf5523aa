from pathlib import Path

import pytest

from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.tracking.fingerprint.code import code_digest

BEFORE = '''"""A module."""

SIZE = 3
"""How many."""


class Cell:
    """A cell."""

    def step(self, x: int) -> int:
        """Step."""
        # Add one.
        return x + 1
'''
LAYOUT_ONLY = '''SIZE = 3
class Cell:
    # Other words.
    def step(self, x: int) -> int:
        """Steps
        twice?"""
        return (x
                + 1)
'''


# What Python's versions write down in other ways: functions without type parameters, empty lists, f-strings with a
# format, characters that only the newer ones call printable.
MANY = """
class Cell(Base):
    name: str = "é \u31ef \U0001fae8"

    def step(self, *, width: int = 0) -> str:
        return f"{self.name!r:>{width}}" + f"{width:,}" + rf"\\{width}"

    async def wait(self):
        return [x async for x in self if x is not None]
"""


def digest_of(root: Path, text: str, name: str = "src/cell.py") -> str:
    write_text(root / name, text)
    return code_digest(root, ["src"])


def test_comments_layout_and_docstrings_do_not_count(tmp_path: Path) -> None:
    assert digest_of(tmp_path, BEFORE) == digest_of(tmp_path, LAYOUT_ONLY)


@pytest.mark.parametrize(
    ("old", "new"), [("x + 1", "x + 2"), ("SIZE = 3", "SIZE = 3.0"), ("step", "stride"), ("x: int", "x: float")]
)
def test_what_the_code_does_counts(tmp_path: Path, old: str, new: str) -> None:
    assert digest_of(tmp_path, BEFORE) != digest_of(tmp_path, BEFORE.replace(old, new))


def test_a_string_that_is_used_counts(tmp_path: Path) -> None:
    assert digest_of(tmp_path, 'print("a")') != digest_of(tmp_path, 'print("b")')


def test_names_of_files_count(tmp_path: Path) -> None:
    first = digest_of(tmp_path / "a", BEFORE, "src/cell.py")
    assert digest_of(tmp_path / "b", BEFORE, "src/unit.py") != first


def test_other_files_count_byte_by_byte_and_bytecode_does_not(tmp_path: Path) -> None:
    plain = digest_of(tmp_path, BEFORE)
    write_text(tmp_path / "src/__pycache__/cell.pyc", "x")
    assert code_digest(tmp_path, ["src"]) == plain
    write_text(tmp_path / "src/words.txt", "x")
    assert code_digest(tmp_path, ["src"]) != plain


def test_the_folder_around_does_not_count(tmp_path: Path) -> None:
    assert digest_of(tmp_path / "a", BEFORE) == digest_of(tmp_path / "b", BEFORE)


def test_what_is_missing_or_not_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeqlabError, match="missing"):
        code_digest(tmp_path, ["src/cell.py"])
    write_text(tmp_path / "src/cell.py", "def")
    with pytest.raises(SeqlabError, match="not valid Python"):
        code_digest(tmp_path, ["src/cell.py"])


def test_the_digest_is_the_same_on_every_python(tmp_path: Path) -> None:
    # Made on 3.11, 3.12.1 and 3.13.
    assert digest_of(tmp_path, MANY) == "5ded5ceebe19f1dcb3d0fb73724fb23d13f58cabf992c98924271b81146855da"
