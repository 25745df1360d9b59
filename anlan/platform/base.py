"""The base of every section of the platform file."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict


class Section(BaseModel):
    """A mapping of the platform file: frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra='forbid', frozen=True, use_attribute_docstrings=False)


def key(default: Any, description: str, example: Any, unit: str | None = None, **limits: Any) -> Any:
    """Given a key's default (`...` if it is required), description, example and unit, return its pydantic field.

    The unit ends up in the JSON Schema as `unit`, so that editors and documents can show it.
    """
    if isinstance(example, float):
        limits['allow_inf_nan'] = False
    extra: JsonDict | None = {'unit': unit} if unit else None
    if default is ...:
        return Field(description=description, examples=[example], json_schema_extra=extra, **limits)
    if callable(default):
        return Field(
            default_factory=default, description=description, examples=[example], json_schema_extra=extra, **limits
        )
    return Field(default=default, description=description, examples=[example], json_schema_extra=extra, **limits)
