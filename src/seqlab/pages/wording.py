"""Figures and parameters as people read them."""

import json
from typing import Any

from seqlab.results.metrics import Metric


def figure(value: float | None, digits: int = 1) -> str:
    """A number for people: thousands separated; an en dash where there is none."""
    return "–" if value is None else f"{value:,.{digits}f}"


def shown(metric: Metric, value: float | None, width: int = 0) -> str:
    """The value of a metric with its decimals, at the right of so many letters, and its unit."""
    return f"{figure(value, metric.digits):>{width}} {metric.unit}".rstrip()


def parameter(value: Any) -> str:
    """A parameter's value as params.yaml would have it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
