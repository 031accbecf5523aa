"""The space of a search: what `-S` gives a range, or several values, and what it fixes."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from seqlab.commands.search.objective import Objective
from seqlab.commands.sweep.grid import parse
from seqlab.commands.sweep.members import check_name
from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params
from seqlab.params.yaml import parse_yaml, read_yaml
from seqlab.results.paths import PARAMS

NUMBER = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
RANGE = re.compile(rf"({NUMBER})\.\.({NUMBER})(?:/({NUMBER}))?")
LOGARITHMIC = re.compile(rf"log\(\s*({NUMBER})\s*,\s*({NUMBER})\s*\)")
SYNTAX = "write low..high, low..high/step, log(low,high), or values such as a,b"
# A step need not be a binary fraction.
TOLERANCE = 1e-9
# Of a number on a continuous range: more digits make no other model, and names that nobody can read.
DIGITS = 4
# What validation values cannot be compared across, or do not depend on.
REFUSED = {
    "seed": "a seed that does well is luck: the best few are run with further ones (--seeds); one value holds for all",
    "runtime": "it says where the numbers are computed, not what is learnt",
    "corpus": "validation values of other data cannot be compared",
    "evaluate": "it is about the test set; evaluate.tokenize cuts validation BLEU in other words, too",
    "report": "no model depends on it",
    "train.validation_max_length": "validation values of translations cut elsewhere cannot be compared",
}

# A number, or one of several values as it is written after `-S`.
Value = int | float | str
Values = Mapping[str, Value]


@dataclass(frozen=True)
class Space:
    """Parameter → Optuna's distribution, and `written`, as after `-S`; `fixed`: settings that all members have."""

    distributions: dict[str, BaseDistribution]
    written: dict[str, str]
    fixed: tuple[str, ...]

    def settings(self, values: Values) -> tuple[str, ...]:
        """The settings of a member, as after `-S`."""
        return (*self.fixed, *(f"{name}={value}" for name, value in values.items()))

    def settings_with(self, values: Values, other: str, number: int) -> tuple[str, ...]:
        """The settings of a member of which a parameter that is not searched is another: its seed, or its epochs."""
        fixed = [setting for setting in self.fixed if _name(setting) != other]
        return (*fixed, f"{other}={number}", *(f"{name}={value}" for name, value in values.items()))

    def rounded(self, sampled: Mapping[str, Any]) -> dict[str, Value]:
        """What a member is given of what was sampled."""
        return {name: _rounded(each, sampled[name]) for name, each in self.distributions.items()}


def parse_space(root: Path, settings: Sequence[str], objective: Objective) -> Space:
    """The space that the settings make in working copy `root`.

    Args:
        root: The working copy, whose params.yaml has the parameters.
        settings: As after `-S`: `name=low..high`, `name=low..high/step`, `name=log(low,high)`, `name=value,value`; and
            `name=value` for what all members have.
        objective: What is measured.

    Raises:
        SeqlabError: a setting is none of these, or is of an unknown parameter, of one that the objective cannot be
            compared across, or out of the parameter's range; or nothing is left to search.
    """
    distributions: dict[str, BaseDistribution] = {}
    written, fixed = {}, []
    if twice := [name for name, count in Counter(map(_name, settings)).items() if count > 1]:
        raise SeqlabError(f"-S {twice[0]} is given twice; give all its values at once, such as {twice[0]}=1,2")
    content = read_yaml(root / PARAMS)
    for setting in settings:
        name, value = _name(setting), setting.partition("=")[2]
        distribution = _distribution(content, setting, name, value)
        if distribution is None:
            fixed.append(setting)
            continue
        _check_searchable(setting, name, objective)
        distributions[name], written[name] = distribution, value
    if not distributions:
        raise SeqlabError(f"nothing to search: no -S gives a parameter a range or several values; {SYNTAX}")
    return Space(distributions, written, tuple(fixed))


def _name(setting: str) -> str:
    return setting.removeprefix(f"{PARAMS}:").partition("=")[0]


def _distribution(content: Any, setting: str, name: str, value: str) -> BaseDistribution | None:
    """What the setting samples from; None where it is one value."""
    bounds = LOGARITHMIC.fullmatch(value) or RANGE.fullmatch(value)
    values = [] if bounds else _values(setting, value)
    check_name(content, name, f"-S {setting}")
    field = _field(name)
    if field is None and len(values) == 1:
        return None
    if field is None:
        raise SeqlabError(f"-S {setting}: {name} is a section; name one of its parameters")
    if bounds:
        return _range(setting, field, bounds)
    for each in values:
        _check_value(setting, field, parse_yaml(each, f"-S {setting}"))
    return CategoricalDistribution(values) if len(values) > 1 else None


def _values(setting: str, value: str) -> list[str]:
    """The values that Hydra finds in a setting, as they are written, each once."""
    from hydra.core.override_parser.types import ChoiceSweep

    if value.startswith("log(") or ".." in value:
        raise SeqlabError(f"-S {setting:.200}: no range that can be read; {SYNTAX}")
    override = parse(setting)
    if not override.is_sweep_override():
        return [value]
    sweep = override.value()
    if not isinstance(sweep, ChoiceSweep) or sweep.shuffle:
        raise SeqlabError(f"-S {setting:.200}: a search does not read this; {SYNTAX}")
    written = {repr(parse_yaml(each, f"-S {setting}")): each for each in override.sweep_string_iterator()}
    values = list(written.values())
    if len(values) < 2:
        raise SeqlabError(f"-S {setting:.200}: these are one value; to fix it, write it once")
    return values


def _field(name: str) -> FieldInfo | None:
    """The field of a parameter; None of a section."""
    section: Any = Params
    for part in name.split("."):
        field: FieldInfo = section.model_fields[part]
        section = field.annotation
    is_section = isinstance(section, type) and issubclass(section, BaseModel)
    return None if is_section else field


def _range(setting: str, field: FieldInfo, bounds: re.Match[str]) -> BaseDistribution:
    if field.annotation not in (int, float):
        raise SeqlabError(f"-S {setting}: this parameter is no number, and has no range; give its values, such as a,b")
    whole = field.annotation is int
    low, high, *steps = (_number(setting, text, whole=whole) for text in bounds.groups() if text)
    step = steps[0] if steps else None
    log = bounds.re is LOGARITHMIC
    if low >= high:
        raise SeqlabError(f"-S {setting}: a range goes up, and {low:g} is not below {high:g}")
    if log and low <= 0:
        raise SeqlabError(f"-S {setting}: a logarithmic range begins above 0, not at {low:g}")
    for each in (low, high):
        _check_value(setting, field, each)
    if step is not None:
        _check_step(setting, low, high, step)
    if whole:
        return IntDistribution(int(low), int(high), log=log, step=int(step or 1))
    return FloatDistribution(low, high, log=log, step=step)


def _number(setting: str, text: str, *, whole: bool) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise SeqlabError(f"-S {setting:.200}: {text:.40} is more than a number holds")
    if not whole:
        return number
    if not number.is_integer():
        raise SeqlabError(f"-S {setting}: this parameter is a whole number, and {text} is not")
    return int(number)


def _check_step(setting: str, low: float, high: float, step: float) -> None:
    if step <= 0:
        raise SeqlabError(f"-S {setting}: a step is above 0, not {step:g}")
    steps = math.floor((high - low) / step + TOLERANCE)
    last = low + steps * step
    if steps < 1:
        raise SeqlabError(f"-S {setting}: a step of {step:g} leads beyond {high:g} at once")
    if abs(high - last) > TOLERANCE * max(abs(high), step):
        raise SeqlabError(f"-S {setting}: steps of {step:g} from {low:g} do not meet {high:g}; the last is {last:g}")


def _check_value(setting: str, field: FieldInfo, value: Any) -> None:
    """Refuse a value that the parameter takes in no company; what others it goes with is seen with them."""
    checked: Any = Annotated[field.annotation, field]
    try:
        TypeAdapter(checked, config=ConfigDict(strict=True, allow_inf_nan=False)).validate_python(value)
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"]
        raise SeqlabError(f"-S {setting}: {message[0].lower()}{message[1:]}, not {value!r:.80}") from None


def _check_searchable(setting: str, name: str, objective: Objective) -> None:
    for prefix, reason in REFUSED.items():
        if name == prefix or name.startswith(f"{prefix}."):
            raise SeqlabError(f"-S {setting}: {name} is not searched: {reason}")
    if objective.per_token and name.startswith("tokenizer."):
        raise SeqlabError(
            f"-S {setting}: {name} is not searched by {objective.label}, which is per token: other tokens, another "
            "measure; take --metric bleu"
        )


def _rounded(distribution: BaseDistribution, value: Any) -> Value:
    if not isinstance(distribution, FloatDistribution):
        return cast(Value, value)
    if distribution.step is not None:
        # 0.3, where steps of 0.1 make 0.30000000000000004.
        return float(f"{value:.12g}")
    smallest = min(abs(value) or distribution.high, distribution.high - distribution.low)
    decimals = DIGITS - 1 - math.floor(math.log10(smallest))
    return min(max(round(float(value), decimals), distribution.low), distribution.high)
