"""The pins: complete, by digest, and apart: what running needs, what testing needs beside it, what a team needs."""

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
FILES = [
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-team.txt",
    "requirements-mecab.txt",
    ".github/requirements-audit.txt",
]
PIN = re.compile(r"(?m)^([A-Za-z0-9._-]+)==(\S+)(.*(?:\n +--hash=sha256:[0-9a-f]{64}.*)*)$")
# What PyTorch's CUDA build brings on Linux: it pins that itself, and other builds have none of it.
OF_A_BUILD = ("cuda-", "nvidia-", "triton")


def pins(name: str) -> dict[str, str]:
    """Package → version."""
    return {str(canonicalize_name(match[1])): match[2] for match in PIN.finditer((ROOT / name).read_text("utf-8"))}


def needed(wanted: Iterable[str]) -> set[str]:
    """The packages that requirements bring, here and directly or not."""
    found: set[tuple[str, str]] = set()
    waiting = [(Requirement(each), "") for each in wanted]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = str(canonicalize_name(requirement.name))
        for each in ("", *requirement.extras):
            if (name, each) not in found and not name.startswith(OF_A_BUILD):
                found.add((name, each))
                waiting += [(Requirement(text), each) for text in requires(name) or []]
    return {name for name, _ in found}


@pytest.mark.parametrize("name", FILES)
def test_every_pin_has_the_digests_of_its_files(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    found = [match[1] for match in PIN.finditer(text) if "--hash" in match[3]]
    # `make hashes` writes those that are missing.
    assert found == re.findall(r"(?m)^([^#\s]\S*?)==", text)
    assert found
    # A wheel, and the source or a wheel for another system.
    assert text.count("--hash=sha256:") > len(found)


def test_one_set_of_pins_does_for_every_python() -> None:
    for name in FILES[:4]:
        assert ";" not in (ROOT / name).read_text("utf-8").partition("==")[2]


def test_no_package_has_two_pins() -> None:
    named = [name for file in FILES[:4] for name in pins(file)]
    assert len(named) == len(set(named))


def test_running_and_testing_install_what_they_need_and_nothing_else() -> None:
    try:
        running = needed(PROJECT["dependencies"])
        testing = needed(PROJECT["optional-dependencies"]["dev"])
    except PackageNotFoundError as error:
        pytest.skip(f"{error} is not installed")
    # setuptools builds the project itself.
    assert set(pins("requirements.txt")) == running - {"torch"} | {"setuptools"}
    assert set(pins("requirements-dev.txt")) == testing - running


def test_pytorch_is_held_to_one_release() -> None:
    release = tomllib.loads((ROOT / "versions.toml").read_text("utf-8"))["train"]["torch"]
    assert pins("requirements-torch.txt") == {"torch": release}
    assert f"torch=={release}" in PROJECT["dependencies"]


def test_the_versions_that_results_depend_on_are_those_that_are_installed() -> None:
    versions = tomllib.loads((ROOT / "versions.toml").read_text("utf-8"))
    pinned = pins("requirements.txt") | pins("requirements-torch.txt")
    for stage, packages in versions.items():
        assert {name: pinned[str(canonicalize_name(name))] for name in packages} == packages, stage
