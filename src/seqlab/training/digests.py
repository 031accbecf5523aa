"""Digests of the parameters after every optimizer step: where two trainings part, they name the step and the tensor.

A digest is exact, and does not depend on the order in which threads add: it is made of sums of integers. Each tensor's
bits, as 64-bit integers, are summed row by row of 128, and the rows' sums are hashed to 32 bits. This costs one reading
of the parameters.
"""

import json
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from seqlab.core.atomic import write_bytes

FILE = "digests.safetensors"
DIGESTS, NAMES = "digests", "names"
_WORD = 8
_ROW_WORDS = 128
_ROW = _ROW_WORDS * _WORD


class ParameterDigests:
    """The digests of a model's parameters, from the initialisation on.

    The parameters must stay where they are in memory, as optimizers leave them.
    """

    def __init__(
        self, model: nn.Module, repeated: Callable[[Callable[[], None]], Callable[[], None]] = lambda work: work
    ) -> None:
        """Take the first digests.

        Args:
            model: The model.
            repeated: Makes of work on the model's device what is to be called every time.
        """
        contents = {name: parameter.detach().view(-1) for name, parameter in model.named_parameters()}
        device = next(iter(contents.values())).device
        self._names = tuple(contents)
        # The whole rows of each tensor, then for each a row for the rest, filled up with zeros.
        rows = [content.nbytes // _ROW for content in contents.values()]
        tensors = torch.arange(len(rows))
        self._sums = torch.zeros(sum(rows) + len(rows), dtype=torch.int64, device=device)
        self._tensors = torch.cat([tensors.repeat_interleave(torch.tensor(rows)), tensors]).to(device)
        # The same for all trainings; odd, so that no bit of a sum is lost.
        drawn = torch.randint(-(1 << 62), 1 << 62, (max(rows) + 1,), generator=torch.Generator().manual_seed(1)) | 1
        self._weights = torch.cat([*(drawn[1 : count + 1] for count in rows), drawn[:1].expand(len(rows))]).to(device)
        rests = torch.zeros(len(rows), _ROW, dtype=torch.uint8, device=device)
        *bodies, rest_sums = torch.split(self._sums, [*rows, len(rows)])
        self._parts = [(rests.view(torch.int64), rest_sums)]
        self._copies: list[tuple[Tensor, Tensor]] = []
        for content, sums, rest in zip(contents.values(), bodies, rests, strict=True):
            self._lay_out(content.view(torch.uint8), sums, rest)
        self._totals = torch.zeros(len(rows), dtype=torch.int64, device=device)
        self._compute = repeated(self._sum_up)
        self._recent: list[Tensor] = []
        self._gathered: list[Tensor] = []
        self.add()

    def _lay_out(self, content: Tensor, sums: Tensor, rest: Tensor) -> None:
        """Note what is summed in place, and what is copied before: the rest that does not fill a row."""
        if content.storage_offset() % _WORD:
            # Packed behind another tensor: no 64-bit integer begins here.
            aligned = torch.empty_like(content)
            self._copies.append((aligned, content))
            content = aligned
        whole = len(sums) * _ROW
        if whole:
            self._parts.append((content[:whole].view(torch.int64).view(-1, _ROW_WORDS), sums))
        if whole < len(content):
            self._copies.append((rest[: len(content) - whole], content[whole:]))

    def add(self) -> None:
        """Add the digests of the parameters as they are; on another device they are computed without waiting."""
        self._compute()
        self._recent.append(self._totals.clone())

    def _sum_up(self) -> None:
        for target, source in self._copies:
            target.copy_(source)
        for part, sums in self._parts:
            torch.sum(part, 1, out=sums)
        # Without the shift, the highest bit of a sum would meet the lowest bit of its weight alone, which is always 1.
        hashed = (self._sums ^ (self._sums >> 32)) * self._weights
        self._totals.zero_().index_add_(0, self._tensors, hashed)

    def gather(self) -> None:
        """Put the digests of recent steps together; they stay on the device, for nobody to wait for it."""
        if self._recent:
            self._gathered.append((torch.stack(self._recent) >> 32).to(torch.int32))
            self._recent.clear()

    @property
    def table(self) -> Tensor:
        """The digests so far, int32, steps + 1 × tensors: the first row is of the initialisation."""
        self.gather()
        self._gathered = [torch.cat([part.cpu() for part in self._gathered])]
        return self._gathered[0]

    def restore(self, table: Tensor, steps: int) -> None:
        """Go on from the table of a training that made `steps` steps.

        Raises:
            ValueError: it is the table of another training.
        """
        if table.shape != (steps + 1, len(self._names)) or table.dtype != torch.int32:
            raise ValueError("digests of other steps or tensors")
        self._recent.clear()
        self._gathered = [table]

    def write(self, path: Path) -> None:
        """Write the table and the tensors' names, for seqlab.commands.verify.digest_table."""
        # One key of metadata at most: the library writes them in random order.
        metadata = {NAMES: json.dumps(self._names)}
        write_bytes(path, safetensors.torch.save({DIGESTS: self.table}, metadata))
