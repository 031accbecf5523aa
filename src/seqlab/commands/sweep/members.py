"""The members of a sweep: what each sets, its validated parameters, and the name of its experiment."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.commands.sweep.grid import check_written_out, expand, parse, swept
from seqlab.commands.sweep.names import member_names
from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params, parse_params
from seqlab.params.yaml import read_yaml
from seqlab.results.paths import PARAMS
from seqlab.system.dvc_library import apply_settings
from seqlab.tracking.fingerprint.canonical import digest, flatten

MOST_PROBLEMS = 5


@dataclass(frozen=True)
class Member:
    """One point of the grid: the name of its experiment, its settings as after `-S`, and the parameters they make."""

    name: str
    settings: tuple[str, ...]
    params: Params


def recipe_digest(params: Params) -> str:
    """What tells recipes of one commit apart."""
    return digest(params.model_dump())


def make_members(root: Path, settings: Sequence[str]) -> list[Member]:
    """The members of the grid in working copy `root`; of those that are one recipe, the first.

    Raises:
        SeqlabError: a setting is not in DVC's syntax, or names a parameter that is unknown, or makes a member whose
            parameters are refused; the message names the nearest known parameter. Or `${…}` stands in one of them, or
            in params.yaml.
    """
    content = read_yaml(root / PARAMS)
    check_written_out(content, str(root / PARAMS))
    for setting in settings:
        check_name(content, parse(setting).key_or_group, f"-S {setting}")
    made: dict[str, tuple[tuple[str, ...], Params]] = {}
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="seqlab-sweep-") as folder:
        for point in expand(settings):
            try:
                params = _apply(root / PARAMS, point, Path(folder, PARAMS))
            except SeqlabError as error:
                problems.append(str(error))
                continue
            made.setdefault(recipe_digest(params), (point, params))
    if problems:
        more = f"\n… and {len(problems) - MOST_PROBLEMS} more" if len(problems) > MOST_PROBLEMS else ""
        raise SeqlabError("\n".join(problems[:MOST_PROBLEMS]) + more)
    names = member_names([flatten(params.model_dump()) for _, params in made.values()], swept(settings))
    return [Member(name, point, params) for name, (point, params) in zip(names, made.values(), strict=True)]


def check_name(content: Any, name: str, origin: str) -> None:
    """Refuse a parameter that params.yaml does not have; DVC would, but without saying which one is near.

    Args:
        content: What params.yaml has in it.
        name: The parameter's.
        origin: What names it, for the message.

    Raises:
        SeqlabError: there is none of that name.
    """
    *sections, key = name.split(".")
    inner = content
    for section in sections:
        inner = inner.setdefault(section, {}) if isinstance(inner, dict) else None
    if not isinstance(inner, dict):
        raise SeqlabError(f"{origin}: {'.'.join(sections)} has no parameters in it")
    if key not in inner:
        inner[key] = None
        parse_params(content, origin)


def _apply(source: Path, settings: tuple[str, ...], target: Path) -> Params:
    """The parameters that DVC would give the member."""
    origin = "-S " + " -S ".join(settings)
    shutil.copyfile(source, target)
    try:
        apply_settings(target, settings)
    except SeqlabError as error:
        raise SeqlabError(f"{origin:.200}: {error}") from None
    return parse_params(read_yaml(target), origin)
