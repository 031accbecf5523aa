"""The `report` section of params.yaml."""

from pydantic import Field

from seqlab.params.section import Section


class ReportParams(Section):
    """What the report shows."""

    samples: int = Field(ge=0, description="Sample translations, beside as many of the best and of the worst.")
    attention_maps: int = Field(ge=0, description="Attention maps, where the model has attention.")
