"""Templates of the files around the Verilog."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

__all__ = ["CONSTRAINTS", "TEMPLATES", "render"]

CONSTRAINTS, TEMPLATES = "gemmule.constraints", "gemmule.gen.package.templates"


def render(folder: str, name: str, view: Mapping[str, Any]) -> str:
    """Return the text of a template, ``<name>.j2`` of a folder, filled in."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # most commands need none

    templates = files(folder)
    environment = Environment(
        loader=FunctionLoader(lambda each: templates.joinpath(f"{each}.j2").read_text()),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=False,
        autoescape=False,
    )
    return environment.get_template(name).render(view)
