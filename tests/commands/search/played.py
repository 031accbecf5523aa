"""A search whose members are not trained: what comes of one is a function of its parameters."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path

import pytest

from seqlab.commands.search import trials as module
from seqlab.commands.search.objective import OBJECTIVES, Objective
from seqlab.commands.search.space import Space, parse_space
from seqlab.commands.search.trials import Budget, TrialResult, Trials
from seqlab.commands.sweep.members import Member
from seqlab.params.params import parse_params
from seqlab.params.yaml import parse_yaml, read_yaml

ROOT = Path(__file__).parents[3]
BLEU, LOSS = OBJECTIVES["bleu"], OBJECTIVES["loss"]
SPACE = ("train.learning_rate=log(1e-4,1e-1)", "model.hidden_size=32..256/32", "model.attention=none,dot")
CONTENT = read_yaml(ROOT / "params.yaml")


def make(_root: Path, settings: Sequence[str]) -> list[Member]:
    """As `make_members` of one point, without DVC's detour over a file."""
    content = deepcopy(CONTENT)
    for setting in settings:
        name, _, value = setting.partition("=")
        *sections, key = name.split(".")
        inner = content
        for section in sections:
            inner = inner[section]
        # Hydra writes booleans as Python does.
        inner[key] = {"True": True, "False": False}.get(value, parse_yaml(value, setting))
    return [Member("", tuple(settings), parse_params(content, "-S " + " -S ".join(settings)))]


def space_of(*settings: str, objective: Objective = BLEU) -> Space:
    """The space of these settings over the project's params.yaml."""
    return parse_space(ROOT, settings or SPACE, objective)


def start(monkeypatch: pytest.MonkeyPatch, *settings: str, budget: Budget, objective: Objective = BLEU) -> Trials:
    """A search that has not begun."""
    monkeypatch.setattr(module, "make_members", make)
    return Trials(ROOT, space_of(*settings, objective=objective), objective, budget)


def play(trials: Trials, run: Callable[[Sequence[Member]], Sequence[float | None]]) -> list[tuple[str, ...]]:
    """Bring a search to its end; `run` gives the values of a round's members. What was tried, as after `-S`."""
    while members := trials.propose():
        values = run(members)
        trials.tell(
            [
                TrialResult(member.name, value, "" if value is not None else "it diverged")
                for member, value in zip(members, values, strict=True)
            ]
        )
    return [trial.member.settings for trial in trials.done]
