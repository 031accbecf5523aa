"""A record of a file that a stage wrote."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A record of a file; what nobody reads may stand in it too."""

    model_config = ConfigDict(extra="ignore", frozen=True)
