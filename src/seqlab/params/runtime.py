"""The `runtime` section of params.yaml: where the numbers are computed."""

from typing import Literal

from pydantic import Field

from seqlab.params.section import Section


class RuntimeParams(Section):
    """The machine's part in the result: what the bytes of a result depend on beside the recipe."""

    device: Literal["cpu", "cuda"] = Field(description="Where to compute: cpu or cuda.")
    engine: Literal["fast", "plain"] = Field(
        description="How the loss is computed. fast: as quickly as the device can; plain: step by step, literally.",
    )
    threads: int = Field(ge=1, description="Threads of PyTorch, whatever the number of cores.")
    numerics: Literal["native", "portable"] = Field(
        description="native: the CPU's best instructions; portable: AVX2 alone, so that more machines agree.",
    )
