"""Corpus statistics as a table: one row per figure, one column per split."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StatisticsTable:
    """Figures of each split, and figures of the corpus as a whole."""

    splits: list[str]
    rows: list[tuple[str, list[str]]]
    whole: list[tuple[str, str]]


def statistics_table(statistics: dict[str, Any]) -> StatisticsTable:
    """Lay out data/statistics.json, whatever figures it holds; nested names are joined by a space."""
    splits = [name for name, value in statistics.items() if isinstance(value, dict) and "examples" in value]
    columns = [_flat(statistics[split]) for split in splits]
    names = list(dict.fromkeys(name for column in columns for name in column))
    rows = [(name, [column.get(name, "–") for column in columns]) for name in names]
    whole = _flat({key: value for key, value in statistics.items() if key not in splits})
    return StatisticsTable(splits, rows, list(whole.items()))


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in values.items():
        name = f"{prefix} {key}".strip().replace("_", " ")
        if isinstance(value, dict):
            flat |= _flat(value, name)
        else:
            flat[name] = _shown(name, value)
    return flat


def _shown(name: str, value: Any) -> str:
    if name.endswith("rate") and isinstance(value, float):
        return f"{100 * value:.2f} %"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
