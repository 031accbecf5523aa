"""YAML 1.2 from files that somebody else may have written: plain values, in bounded time and memory."""

from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import Node, ScalarNode

from seqlab.core.errors import SeqlabError

# A thousand times what the project's own files hold.
LONGEST_FILE = 1 << 20
# Seven times what dvc.lock, the largest of them, is made of; a value takes a tenth of a millisecond to read.
MOST_NODES = 10_000
MOST_VALUES = 100_000
# Ten times what ours have. Each token looks at all the levels that are open: thousands of them take seconds.
MOST_LEVELS = 50
# Python refuses to print, and so to report, integers of more than 4,300 digits.
LONGEST_NUMBER = 100
# Whose values are kept.
MOST_FILES = 8
# Characters of what is wrong, which may quote a value.
LONGEST_PROBLEM = 300


class _Composer(Composer):
    """Stops at too many values or levels, not after them."""

    nodes = 0
    levels = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise ValueError(f"more than {MOST_NODES} values")
        self.levels += 1
        if self.levels > MOST_LEVELS:
            raise ValueError(f"more than {MOST_LEVELS} levels")
        node = super().compose_node(parent, index)
        self.levels -= 1
        return node


def read_yaml(path: Path) -> Any:
    """Read a YAML file, as DVC reads it: 1e-05 is a number and `yes` is a string.

    Raises:
        SeqlabError: the file cannot be read, or `parse_yaml` refuses it.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(LONGEST_FILE + 1)
    except OSError as error:
        raise SeqlabError(f"cannot read {path}: {error.strerror}") from None
    return parse_yaml(content, str(path))


def parse_yaml(content: str | bytes, name: str) -> Any:
    """Parse YAML into plain values; `name` names it in messages.

    Anchors are allowed as long as what they stand for is small, written out.

    Raises:
        SeqlabError: it is too long or not valid YAML, has a tag that YAML does not know, or too many values, by itself
            or by its anchors.
    """
    if len(content) > LONGEST_FILE:
        raise SeqlabError(f"{name} is longer than {LONGEST_FILE} bytes; it was not read")
    try:
        # Whoever gets it may change it.
        return deepcopy(_parsed(content))
    except Exception as error:  # of a dozen kinds: ruamel hands on what Python says of numbers, dates and bytes
        if line := _conflict(content):
            said = f"line {line} begins a conflict that git could not merge; leave one of its sides, and no marks"
            raise SeqlabError(f"{name}: {said}") from None
        raise SeqlabError(f"{name} is not valid YAML: {_problem(error)}") from None


# As a stage begins and ends it reads the same few files two dozen times, each time from the disk.
@lru_cache(maxsize=MOST_FILES)
def _parsed(content: str | bytes) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Composer
    root = yaml.compose(content)
    if root is None:
        return None
    _check_size(root)
    return yaml.constructor.construct_document(root)


def _conflict(content: str | bytes) -> int:
    """The first line that git began with marks of a conflict; 0 if it began none."""
    lines = content.splitlines()
    marks = ("<<<<<<< ", b"<<<<<<< ")
    return next((number for number, line in enumerate(lines, 1) if line[:8] in marks), 0)


def _problem(error: Exception) -> str:
    """What is wrong, in a line, with its line."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return str(error) or type(error).__name__
    context = f", {error.context} that begins in line {error.context_mark.line + 1}" if error.context_mark else ""
    return f"line {error.problem_mark.line + 1}: {error.problem:.{LONGEST_PROBLEM}}{context}"


def _check_size(root: Node) -> None:
    """Refuse a document of too many values, those that an alias stands for counted each time."""
    sizes: dict[int, int] = {}
    if _size(root, sizes, set()) > MOST_VALUES:
        raise ValueError(f"its anchors make more than {MOST_VALUES} values of it")


def _size(node: Node, sizes: dict[int, int], above: set[int]) -> int:
    if isinstance(node, ScalarNode):
        if str(node.tag).endswith(":int") and len(node.value) > LONGEST_NUMBER:
            raise ValueError(f"a number of more than {LONGEST_NUMBER} digits")
        return 1
    key = id(node)
    if key in above:
        raise ValueError("an anchor contains itself")
    if key not in sizes:
        above.add(key)
        # A mapping holds pairs, a sequence single nodes.
        items = (item for entry in node.value for item in (entry if isinstance(entry, tuple) else (entry,)))
        sizes[key] = 1 + sum(_size(item, sizes, above) for item in items)
        above.remove(key)
    return sizes[key]
