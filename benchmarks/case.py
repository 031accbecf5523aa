"""A training case."""

from dataclasses import astuple, dataclass

PRECISIONS = ("float32", "bfloat16")

# What `timed` calls the product that makes the roof, and PyTorch's own, of each precision.
ROOF, STOCK = "roof", "PyTorch's own product"


@dataclass(frozen=True)
class Case:
    """One way to train one model.

    Attributes:
        engine: `ours`, the optimizer step alone; `trainer`, ours with all that surrounds it; or a kind of
            `ReferenceUpdater`: `literal`, `step by step`, `teacher forcing`.
        ratio: Of teacher forcing.
        precision: One of PRECISIONS.
        attention: `none`, `dot` or `additive`; with `input_feeding` or without.
    """

    engine: str
    ratio: float
    precision: str
    attention: str
    input_feeding: bool = False

    @property
    def model(self) -> str:
        """Its attention, in words."""
        return self.attention + " + input feeding" * self.input_feeding

    @property
    def name(self) -> str:
        """For tables; no two cases have the same."""
        return f"{self.engine}, ratio {self.ratio:g}, {self.model}, {self.precision}"

    @property
    def plain(self) -> list[object]:
        """What JSON can say of it; `Case(*plain)` is the same case."""
        return list(astuple(self))
