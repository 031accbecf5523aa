"""A record of a file that the report reads."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A record of a file; what the report does not show may stand in it too."""

    model_config = ConfigDict(extra="ignore", frozen=True)
