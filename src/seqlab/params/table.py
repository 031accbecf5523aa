"""The parameters as a table."""

from typing import Any

from seqlab.params.params import Params


def parameter_table(params: Params) -> str:
    """Every parameter, its value in `params`, and what it does, as a Markdown table."""
    rows = ["| parameter | value | what it does |", "| --- | --- | --- |"]
    rows += [f"| `{name}` | {_value(value)} | {description} |" for name, value, description in params.leaves()]
    return "\n".join(rows)


def _value(value: Any) -> str:
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"
