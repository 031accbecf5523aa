"""How fast training goes."""

from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """Target tokens trained on, and the time it took."""

    tokens: int = 0
    seconds: float = 0.0

    def add(self, tokens: int, seconds: float) -> None:
        """Add some tokens and their time."""
        self.tokens += tokens
        self.seconds += seconds

    @property
    def tokens_per_second(self) -> float:
        """Mean throughput; 0 before the first step."""
        return self.tokens / self.seconds if self.seconds else 0.0
