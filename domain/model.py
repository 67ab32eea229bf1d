"""The one base class of everything that crosses a boundary."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A frozen value that refuses unknown fields.

    A field added later must have a default, so that old workflow histories still decode.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_timedelta="iso8601")
