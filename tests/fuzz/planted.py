"""Loaders that do what no loader may, for the test that it is found."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from random import Random

from seqlab.core.errors import SeqlabError
from tests.fuzz.loader import Loader


def _raise(_: Path) -> None:
    raise KeyError("x")


def _leave(_: Path) -> None:
    raise SystemExit(0)


def _refuse(_: Path) -> None:
    raise SeqlabError("refused")


def _crash(_: Path) -> None:
    ctypes.string_at(0)


def _hang(_: Path) -> None:
    while True:
        pass


def _exhaust(_: Path) -> None:
    bytearray(1 << 40)


def _unchanged(data: bytes, _: Random) -> bytes:
    return data


def _planted(load: Callable[[Path], None]) -> Callable[[], Loader]:
    return lambda: Loader({"a": b"content"}, {"a": _unchanged}, load)


LOADERS: dict[str, Callable[[], Loader]] = {
    "raises": _planted(_raise),
    "crashes": _planted(_crash),
    "leaves": _planted(_leave),
    "hangs": _planted(_hang),
    "exhausts": _planted(_exhaust),
    "refuses": _planted(_refuse),
}
