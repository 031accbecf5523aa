"""What deploy/compose.yaml says of a service, for a machine without containers."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

DEPLOY = Path(__file__).parents[2] / "deploy"
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<sign>[-?])(?P<rest>[^}]*))?\}")
# What the image calls its programs and files.
HERE = {"python": [sys.executable], "mlflow": [sys.executable, "-m", "mlflow"]}
IMAGE_FOLDER = "/opt/seqlab/"


@dataclass(frozen=True)
class Service:
    """Command and environment, as a container would get them."""

    command: list[str]
    environment: dict[str, str]


def load_compose() -> dict[str, Any]:
    """The file, variables not filled in."""
    content: dict[str, Any] = YAML(typ="safe").load(DEPLOY / "compose.yaml")
    return content


def load_service(name: str, variables: dict[str, str], places: dict[str, str]) -> Service:
    """A service with its variables filled in, and `places` of containers replaced by those on this machine."""
    content = load_compose()["services"][name]

    def here(text: str) -> str:
        text = fill_in(text, variables)
        for place, replacement in places.items():
            text = text.replace(place, replacement)
        return text.replace(IMAGE_FOLDER, f"{DEPLOY}/")

    program, *arguments = content["command"]
    command = [*HERE[program], *map(here, arguments)]
    return Service(command, {key: here(value) for key, value in content["environment"].items()})


def fill_in(text: str, variables: dict[str, str]) -> str:
    """Replace `${NAME:?message}` and `${NAME:-default}`.

    Raises:
        KeyError: a variable without a default has no value.
    """

    def value(match: re.Match[str]) -> str:
        if match["sign"] == "-":
            return variables.get(match["name"], match["rest"])
        return variables[match["name"]]

    return VARIABLE.sub(value, text)
