"""The digest of a stage's code: what it does, not how it is laid out or commented."""

import ast
import hashlib
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.tracking.fingerprint.canonical import digest
from seqlab.tracking.fingerprint.content import files_below, sha256
from seqlab.tracking.fingerprint.leftovers import is_leftover

# Twice as many as the project has.
MOST_FILES = 1024


def code_digest(root: Path, paths: Iterable[str]) -> str:
    """Digest of the files at and below `paths` (relative to `root`): names, and syntax trees for Python.

    Comments, blank lines, layout and docstrings do not count, nor do leftovers of editors. Other files, such as a
    lexicon, count byte by byte.

    Raises:
        SeqlabError: a path is missing, or a file is not valid Python.
    """
    trees = {}
    for name in paths:
        if not (root / name).exists():
            raise SeqlabError(f"{root / name} is missing, and dvc.yaml depends on it")
        for file in files_below(root / name):
            path = file.relative_to(root).as_posix()
            if not is_leftover(path):
                trees[path] = _file_digest(file)
    return digest(trees)


def syntax_tree(content: bytes, name: str) -> ast.Module:
    """What Python file `name` does: its syntax tree without docstrings.

    Raises:
        SeqlabError: `content` is not valid Python.
    """
    try:
        tree = ast.parse(content, filename=name)
        return _NoDocstrings().visit(tree)  # type: ignore[no-any-return]
    except (SyntaxError, ValueError) as error:
        raise SeqlabError(f"{name} is not valid Python: {error}") from None
    except (RecursionError, MemoryError):
        # The parser's own words for what is nested too deeply, too.
        raise SeqlabError(f"{name} is nested more deeply than Python can read") from None


def _file_digest(path: Path) -> str:
    if path.suffix != ".py":
        return sha256(path)
    return syntax_digest(path.read_bytes(), str(path))


# A stage asks for its recipe's digest several times; to read a file takes a hundredth of the time that its tree takes.
@lru_cache(maxsize=MOST_FILES)
def syntax_digest(content: bytes, name: str) -> str:
    """The digest of the syntax tree of Python file `name`, the same whichever Python this is.

    Raises:
        SeqlabError: as `syntax_tree`.
    """
    try:
        text = _as_text(syntax_tree(content, name))
    except RecursionError:
        raise SeqlabError(f"{name} is nested more deeply than Python can read") from None
    return hashlib.sha256(text.encode("ascii", "backslashreplace")).hexdigest()


def _as_text(tree: ast.Module) -> str:
    """The tree as Python 3.11 has it."""
    for node in ast.walk(tree):
        # From Python 3.12 on, functions and classes have type parameters, of which this code has none.
        if getattr(node, "type_params", None) == []:
            del node.type_params  # type: ignore[attr-defined]
        # Early releases of 3.12 end some f-strings in an empty constant.
        if isinstance(node, ast.JoinedStr):
            node.values = [part for part in node.values if not (isinstance(part, ast.Constant) and part.value == "")]
    # From 3.13 on, dump leaves empty lists out unless it is asked not to. Which characters are printable, and so stand
    # as they are, depends on the Python's version of Unicode: the digest takes none but ASCII's so.
    return ast.dump(tree, **({"show_empty": True} if sys.version_info >= (3, 13) else {}))


class _NoDocstrings(ast.NodeTransformer):
    """Drops every statement that is a bare string: docstrings of modules, classes, functions and attributes."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return node
