"""Data sheets, C headers, encoders and exports of blocks: all from one description, a `Sheet`."""

from .form import ANY, Example, Field, Sheet, Stream, Variant

__all__ = ["ANY", "Example", "Field", "Sheet", "Stream", "Variant"]
