"""The scores of reports/scores.json under one name each."""

from typing import Any

# Those that stand there below a name of their own.
GROUPS = ("rouge", "diversity")


def flat(scores: dict[str, Any]) -> dict[str, Any]:
    """`scores` with the members of each group in the group's place; their names say what they are."""
    found: dict[str, Any] = {}
    for name, value in scores.items():
        found |= value if name in GROUPS else {name: value}
    return found
