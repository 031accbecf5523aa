"""The grid of a sweep, in the syntax of `dvc exp run --queue -S`, expanded by DVC itself."""

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from seqlab.core.errors import SeqlabError
from seqlab.results.paths import PARAMS
from seqlab.system.dvc_library import expand_settings, parse_setting, settings_by_file

# What teacher forcing does, at two sizes; conclusions need at least three seeds.
DEFAULT_GRID = (
    "train.teacher_forcing_ratio=0.0,0.25,0.5,0.75,1.0",
    "model.hidden_size=64,128",
    "seed=1,2,3",
)
# Members that run side by side would else fight for the cores.
THREADS = "runtime.threads=1"
# A thousand of the quickest trainings take a night.
MOST_MEMBERS = 1000


def expand(settings: Sequence[str]) -> list[tuple[str, ...]]:
    """The settings of each member, every one with a single value; `runtime.threads` is 1 unless it is set.

    Args:
        settings: As after `-S`: `name=value`, `name=value,value`, `name=range(start,stop)`, `name=choice(value,value)`.

    Raises:
        SeqlabError: a setting is not in this syntax, names another file than params.yaml, or sets what another sets; or
            the grid has no members, or too many.
    """
    names = [parse(setting).key_or_group for setting in settings]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise SeqlabError(f"-S {twice[0]} is given twice; give all its values at once, such as {twice[0]}=1,2")
    if (count := math.prod(map(_count, settings))) > MOST_MEMBERS:
        raise SeqlabError(
            f"this grid has {count:,} members, and a sweep takes {MOST_MEMBERS:,}: give fewer values, or make several "
            "sweeps"
        )
    if not {"runtime", "runtime.threads"} & set(swept(settings)):
        settings = [*settings, THREADS]
    paths = settings_by_file(settings)
    if others := set(paths) - {PARAMS}:
        raise SeqlabError(f"-S {others.pop()}:…: a sweep sets parameters of {PARAMS} alone")
    try:
        members = [tuple(member[PARAMS]) for member in expand_settings(paths)]
    except SeqlabError as error:
        raise SeqlabError(f"-S: {error}") from None
    # Written anew, and read once more by DVC.
    for setting in {setting for member in members for setting in member}:
        parse(setting)
    return members


def swept(settings: Sequence[str]) -> list[str]:
    """The names of the parameters that the settings set, in their order, each once.

    Raises:
        SeqlabError: a setting is not of the form name=value.
    """
    return list(dict.fromkeys(parse(setting).key_or_group for setting in settings))


def parse(setting: str) -> Any:
    """The setting as Hydra's Override.

    Raises:
        SeqlabError: it is not of the form name=value.
    """
    from hydra.core.override_parser.types import OverrideType

    try:
        override = parse_setting(setting.removeprefix(f"{PARAMS}:"))
    except SeqlabError as error:
        raise SeqlabError(f"-S {setting:.200}: not of the form name=value ({error})") from None
    if override.type is not OverrideType.CHANGE:
        raise SeqlabError(f"-S {setting:.200}: parameters are neither added nor removed; write name=value")
    # Hydra's own words for the setting: escapes may have stood between $ and {.
    check_written_out([setting, override.value()], f"-S {setting:.200}")
    return override


def check_written_out(value: Any, origin: str) -> None:
    """Refuse what OmegaConf would look up: it puts in an environment variable, whatever that holds.

    Args:
        value: Of parameters, as YAML or Hydra has it.
        origin: What has it, for the message.

    Raises:
        SeqlabError: a text in it has `${`, or is `???`, which stands for a value that is missing.
    """
    from hydra.core.override_parser.types import ChoiceSweep, QuotedString

    match value:
        case str():
            if "${" in value or value == "???":
                raise SeqlabError(f"{origin}: a parameter's value is written out; ${{…}} is not looked up")
        case QuotedString():
            check_written_out(value.text, origin)
        case ChoiceSweep():
            check_written_out(value.list, origin)
        case dict():
            check_written_out([*value.keys(), *value.values()], origin)
        case list():
            for each in value:
                check_written_out(each, origin)


def _count(setting: str) -> int:
    """How many values the setting gives, without listing them.

    Raises:
        SeqlabError: none, or without end.
    """
    from hydra.core.override_parser.types import ChoiceSweep, RangeSweep

    value = parse(setting).value()
    if isinstance(value, ChoiceSweep):
        return len(value.list)
    if not isinstance(value, RangeSweep):
        return 1
    try:
        start, stop, step = (Fraction(each or 0) for each in (value.start, value.stop, value.step))
        count = math.ceil((stop - start) / step)
    except (ArithmeticError, ValueError):
        raise SeqlabError(f"-S {setting:.200}: a range has an end, and a step other than 0") from None
    if count < 1:
        raise SeqlabError(f"-S {setting:.200}: this range has no values; its end is not among them")
    return count
