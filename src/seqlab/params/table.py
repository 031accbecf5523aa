"""The parameters as a table."""

from typing import Any

from pydantic import BaseModel

from seqlab.params.params import Params


def parameter_table(params: Params) -> str:
    """Every parameter, its value in `params`, and what it does, as a Markdown table."""
    rows = ["| parameter | value | what it does |", "| --- | --- | --- |"]
    rows += [f"| `{name}` | {value} | {description} |" for name, value, description in _rows(params, "")]
    return "\n".join(rows)


def _rows(section: BaseModel, prefix: str) -> list[tuple[str, str, str]]:
    rows = []
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        if isinstance(value, BaseModel):
            rows += _rows(value, f"{prefix}{key}.")
        else:
            rows.append((prefix + key, _value(value), field.description or ""))
    return rows


def _value(value: Any) -> str:
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"
