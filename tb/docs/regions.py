"""Regions of pages that need `tb` to be filled in: `python -m gemmule.tb.docs.regions`."""

from collections.abc import Callable, Mapping

from gemmule.gen.docs import regions
from gemmule.gen.docs.tables import markdown
from gemmule.tb.conv.worked_example import REGIONS as WORKED_EXAMPLE
from gemmule.tb.registry import benchmark_module, benchmarks

from .blocks_table import with_blocks

__all__ = ["REGIONS", "filled"]


def _benchmarks() -> str:
    rows = ((f"`{name}`", benchmark_module(name).SUMMARY) for name in benchmarks())
    return markdown(["benchmark", "what it compares"], rows)


def _blocks() -> str:
    return with_blocks(regions.region("README.md", "blocks"))


REGIONS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    **regions.REGIONS,
    "README.md": {"blocks": _blocks},
    "tb/README.md": {"benchmarks": _benchmarks},
    "hw/conv/README.md": WORKED_EXAMPLE,
}
"""File -> region -> what makes it; those of `gen` among them."""


def filled(file: str) -> str:
    """Return the text of ``file`` with its regions written anew."""
    return regions.filled(file, REGIONS[file])


if __name__ == "__main__":
    for each, make in regions.FILES.items():
        (regions.ROOT / each).write_text(make())
    for each in REGIONS:
        (regions.ROOT / each).write_text(filled(each))
