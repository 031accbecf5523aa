"""How a sweep ended."""

from dataclasses import dataclass, field


@dataclass
class Result:
    """How a sweep ended: names of members, and of the failed ones the reasons.

    `stopped` were not brought to their end; `advice` says what becomes of them. `logs`: where the log of a failed one
    is, if not in DVC's queue. `interrupted`: by Ctrl-C or SIGTERM, though it may have come as the last member ended.
    """

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    advice: str = "The same command goes on: interrupted trainings resume where they were."

    def log(self, name: str) -> str:
        """Where the log of a failed member is, or the command that shows it."""
        return self.logs.get(name, f"dvc queue logs {name}")
