"""The base of every section of params.yaml."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

# What the journal and databases hold (seqlab.tracking.foreign_schema).
MOST = 2**63 - 1


class Section(BaseModel):
    """A section: unknown keys and values of another type are refused; an integer is accepted for a float."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _integers_have_64_bits(cls, content: Any) -> Any:
        for name, value in content.items() if isinstance(content, dict) else ():
            if any(
                isinstance(each, int) and abs(each) > MOST for each in (value if isinstance(value, list) else [value])
            ):
                raise ValueError(f"{name} is beyond {MOST:,}, the largest number that is kept")
        return content
