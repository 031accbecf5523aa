"""What differs between two versions of code: definition by definition in Python, whole files otherwise."""

from seqlab.commands.why.definitions import differences
from seqlab.commands.why.earlier import Tree
from seqlab.commands.why.reason import Reason
from seqlab.core.errors import SeqlabError

NOTHING_BUT_WORDS = "only comments, docstrings or layout changed"


def code_changes(old: Tree, new: Tree) -> list[Reason]:
    """The definitions and files that differ between two versions of the same folders, in the order of their names."""
    found = []
    for path in sorted({*old, *new}):
        if old.get(path) != new.get(path):
            found += _changes(path, old.get(path), new.get(path))
    return found


def _changes(path: str, old: bytes | None, new: bytes | None) -> list[Reason]:
    name = module_name(path)
    if old is None or new is None:
        return [Reason("code", f"{name} {'added' if old is None else 'removed'}")]
    if not path.endswith(".py"):
        return [Reason("code", f"{name} changed")]
    try:
        definitions = differences(old, new, path)
    except SeqlabError as error:
        return [Reason("code", str(error))]
    if not definitions:
        return [Reason("code", f"{name}: {NOTHING_BUT_WORDS}", harmless=True)]
    return [Reason("code", f"{name}: {definition}") for definition in definitions]


def module_name(path: str) -> str:
    """How Python calls the module in file `path`; other files go by their path."""
    if not path.endswith(".py"):
        return path
    return path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
