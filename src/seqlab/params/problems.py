"""What is wrong with a YAML file that a schema refuses, in words for people."""

import difflib
from typing import Any

from pydantic import BaseModel, ValidationError

# What pydantic says of these is for programmers.
WORDING = {
    "missing": "missing",
    "list_type": "expected a list in brackets, such as [{example}], not {found}",
    "too_long": "this list has at most {max_length} items, not {found}",
    "too_short": "this list has at least {min_length} item, not {found}",
    "model_type": "expected the parameters of this section, indented below it, not {found}",
}


def problems(error: ValidationError, schema: type[BaseModel]) -> list[str]:
    """A sentence for each thing that `schema` refuses; for an unknown name with the nearest known one."""
    return [_problem(details, schema) for details in error.errors()]


def _problem(details: Any, schema: type[BaseModel]) -> str:
    location = [str(part) for part in details["loc"] if isinstance(part, str)]
    # Places in a list count from 0.
    places = [f"item {part + 1}" for part in details["loc"] if isinstance(part, int)]
    name = ", ".join([".".join(location), *places])
    value, kind = details["input"], details["type"]
    if kind == "extra_forbidden":
        return f"{name}: no such parameter{_suggestion(location, schema)}"
    if kind == "value_error":
        return ": ".join([*filter(None, [name]), str(details["ctx"]["error"])])
    found = f"{value!r:.80}"
    if kind in WORDING:
        example = value if isinstance(value, str | int | float) else ""
        return f"{name}: " + WORDING[kind].format(found=found, example=example, **details.get("ctx", {}))
    return f"{name}: {details['msg'][0].lower()}{details['msg'][1:]}, not {found}"


def _suggestion(location: list[str], schema: type[BaseModel]) -> str:
    names = _names(schema)
    near = difflib.get_close_matches(".".join(location), names, n=1, cutoff=0.6)
    near = near or [name for name in names if name.split(".")[-1] == location[-1]]
    return f"; did you mean {near[0]}?" if near else ""


def _names(section: type[BaseModel], prefix: str = "") -> list[str]:
    names = []
    for key, field in section.model_fields.items():
        names.append(prefix + key)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += _names(field.annotation, f"{prefix}{key}.")
    return names
