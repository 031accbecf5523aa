"""Which definitions of a Python file differ from those of an earlier version: by syntax tree, as the code digest.

Comments, layout and docstrings do not count. A definition is named by its place, such as `method Trainer.step`; one
that only has another name is called renamed.
"""

import ast
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass

from seqlab.core.errors import SeqlabError
from seqlab.tracking.fingerprint.code import syntax_tree

Function = ast.FunctionDef | ast.AsyncFunctionDef
Assignment = ast.Assign | ast.AnnAssign | ast.AugAssign


@dataclass(frozen=True)
class Definition:
    """A function, class, constant or import: its own parts as syntax, and the definitions in it, in order.

    Neither its own name nor that of the place around it is in it, so that a renamed definition equals the old one.
    """

    kind: str
    parts: tuple[tuple[str, str], ...]
    members: tuple[tuple[str, "Definition"], ...] = ()


def differences(old: bytes, new: bytes, name: str) -> list[str]:
    """The definitions of file `name` that differ, in words; [] if both versions do the same.

    Raises:
        SeqlabError: one of them is not valid Python, or nested too deeply.
    """
    before, after = syntax_tree(old, name), syntax_tree(new, name)
    try:
        if ast.dump(before) == ast.dump(after):
            return []
        found = list(_differing(_definition("module", before), _definition("module", after), ""))
    except RecursionError:
        raise SeqlabError(f"{name} changed, and is nested more deeply than can be told apart") from None
    return found or ["the place of a definition changed"]


def _differing(old: Definition, new: Definition, place: str) -> Iterator[str]:
    what = f"{old.kind} {place}: " if place else ""
    parts = [part for part, syntax in old.parts if dict(new.parts).get(part) != syntax]
    if parts:
        yield f"{what}{', '.join(parts)} changed"
    before, after = dict(old.members), dict(new.members)
    prefix = f"{place}." if place else ""
    yield from _member_differences(before, after, prefix)
    if [name for name in before if name in after] != [name for name in after if name in before]:
        yield f"{what}order of its definitions changed"


def _member_differences(before: dict[str, Definition], after: dict[str, Definition], prefix: str) -> Iterator[str]:
    renamed = _renamed(before, after)
    known = {*before, *renamed.values()}
    for name, member in before.items():
        if name in renamed:
            yield f"{member.kind} {prefix}{name} is now called {renamed[name]}"
        elif name not in after:
            yield f"{member.kind} {prefix}{name} removed"
        elif member.kind != after[name].kind:
            yield f"{member.kind} {prefix}{name} is now a {after[name].kind}"
        else:
            yield from _differing(member, after[name], f"{prefix}{name}")
    for name, member in after.items():
        if name not in known:
            yield f"{member.kind} {prefix}{name} added"


def _renamed(before: dict[str, Definition], after: dict[str, Definition]) -> dict[str, str]:
    """Old name → new name of the definitions that have another name, and are otherwise the same."""
    # Of those that are the same, the first that is left.
    added: dict[Definition, deque[str]] = defaultdict(deque)
    for name, member in after.items():
        if name not in before:
            added[member].append(name)
    return {name: added[member].popleft() for name, member in before.items() if name not in after and added.get(member)}


def _definition(kind: str, scope: ast.Module | ast.ClassDef | Function) -> Definition:
    members = _Members(kind)
    body = [ast.dump(kept) for statement in scope.body if (kept := members.visit(statement)) is not None]
    return Definition(kind, (*_head(scope), (_body_name(kind), "\n".join(body))), tuple(members.found.items()))


def _body_name(kind: str) -> str:
    return "body" if kind in ("function", "method") else "statements"


def _head(scope: ast.Module | ast.ClassDef | Function) -> Iterator[tuple[str, str]]:
    if isinstance(scope, ast.Module):
        return
    yield "decorators", "\n".join(map(ast.dump, scope.decorator_list))
    if isinstance(scope, ast.ClassDef):
        yield "bases", "\n".join(map(ast.dump, (*scope.bases, *scope.keywords)))
        return
    yield "arguments", ast.dump(scope.args)
    yield "type of the result", ast.dump(scope.returns) if scope.returns else ""
    yield "async", str(isinstance(scope, ast.AsyncFunctionDef))


class _Members(ast.NodeTransformer):
    """Takes the definitions out of the statements of a scope of some kind, and leaves the rest."""

    def __init__(self, kind: str) -> None:
        self._scope = kind
        self._depth = 0
        self.found: dict[str, Definition] = {}
        self._kept: Counter[str] = Counter()

    def visit(self, node: ast.AST) -> ast.AST | None:
        """What is left of a statement, or of what is in it; None if it was a definition."""
        if isinstance(node, Function):
            self._keep(node.name, _definition("method" if self._scope == "class" else "function", node))
        elif isinstance(node, ast.ClassDef):
            self._keep(node.name, _definition("class", node))
        elif self._binds() and isinstance(node, Assignment):
            self._assigned(node)
        elif self._binds() and isinstance(node, ast.Import | ast.ImportFrom):
            self._imported(node)
        else:
            return self._rest(node)
        return None

    def _binds(self) -> bool:
        """Whether a name bound here is the scope's own: one bound by an `if`, or in a function, is a part of that."""
        return self._depth == 0 and self._scope in ("module", "class")

    def _rest(self, node: ast.AST) -> ast.AST:
        self._depth += 1
        left = self.generic_visit(node)
        self._depth -= 1
        return left

    def _keep(self, name: str, definition: Definition) -> None:
        # A property and its setter have one name.
        self._kept[name] += 1
        number = self._kept[name]
        self.found[name if number == 1 else f"{name} (no. {number})"] = definition

    def _assigned(self, node: Assignment) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        name = " = ".join(map(ast.unparse, targets))
        value = "" if node.value is None else ast.dump(node.value)
        parts = [("value", value)]
        if isinstance(node, ast.AnnAssign):
            parts.append(("type", ast.dump(node.annotation)))
        if isinstance(node, ast.AugAssign):
            parts.append(("operator", ast.dump(node.op)))
        self._keep(name, Definition(self._kind_of(name), tuple(parts)))

    def _kind_of(self, name: str) -> str:
        if self._scope == "class":
            return "attribute"
        return "constant" if name.isupper() else "variable"

    def _imported(self, node: ast.Import | ast.ImportFrom) -> None:
        origin = "." * node.level + (node.module or "") if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            self._keep(alias.asname or alias.name, Definition("import", (("origin", f"{origin}:{alias.name}"),)))
