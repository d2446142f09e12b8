"""The register map: what `registers.rdl` says, elaborated to plain data."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from systemrdl import RDLCompiler
from systemrdl.node import AddrmapNode, FieldNode, RegNode

__all__ = ["PAGE", "SOURCE", "Field", "Register", "elaborate", "register_map"]

SOURCE = Path(__file__).parent / "registers.rdl"
"""The description, in SystemRDL 2.0."""

PAGE = 12
"""Bits of an address inside the page of registers."""


@dataclass(frozen=True)
class Field:
    """Bits ``low`` to ``high`` of a register.

    ``kind`` is how software sees it: ``rw``, ``ro``, ``w1c`` (hardware sets, writing 1 clears),
    ``strobe`` (writing 1 is a pulse, reads give 0) or ``wo`` (reads give 0).
    """

    name: str
    low: int
    high: int
    kind: str
    reset: int
    text: str
    narrow: bool = False
    cleared: bool = False
    seen: bool = True

    @property
    def width(self) -> int:
        """Bits of the field."""
        return self.high - self.low + 1

    @property
    def mask(self) -> int:
        """The field's bits in its word."""
        return ((1 << self.width) - 1) << self.low


@dataclass(frozen=True)
class Register:
    """A word at byte ``address``; ``place`` names the memory that holds it, if one does.

    A ``constant`` one has the value of a parameter of the hardware.
    """

    name: str
    address: int
    text: str
    fields: tuple[Field, ...]
    place: str = ""
    constant: bool = False

    def __getitem__(self, name: str) -> Field:
        return next(each for each in self.fields if each.name == name)


@cache
def elaborate() -> AddrmapNode:
    """Return the elaborated SystemRDL model, which PeakRDL's exporters take."""
    compiler = RDLCompiler()
    compiler.compile_file(str(SOURCE))
    return compiler.elaborate().top


@cache
def register_map() -> dict[str, Register]:
    """Return the registers by name, in the order of their addresses.

    A word of an array is named ``COMMAND_3``, one in a group ``WINDOW_0_BASE_LO``.
    """
    nodes = elaborate().descendants(unroll=True)
    words = [_register(each) for each in nodes if isinstance(each, RegNode)]
    return {each.name: each for each in sorted(words, key=lambda each: each.address)}


def _register(node: RegNode) -> Register:
    path = node.get_rel_path(node.owning_addrmap, hier_separator="_", array_suffix="_{index:d}")
    return Register(
        name=path,
        address=node.absolute_address,
        text=_text(node),
        fields=tuple(_field(each) for each in node.fields()),
        place=node.get_property("stands_in", default=""),
        constant=bool(node.get_property("constant", default=False)),
    )


def _field(node: FieldNode) -> Field:
    return Field(
        name=node.inst_name,
        low=node.low,
        high=node.high,
        kind=_kind(node),
        reset=node.get_property("reset", default=0),
        text=_text(node),
        narrow=bool(node.get_property("narrow", default=False)),
        cleared=bool(node.get_property("hwclr")),
        seen=node.is_hw_readable or node.is_hw_writable,
    )


def _kind(node: FieldNode) -> str:
    if node.get_property("singlepulse"):
        return "strobe"
    if node.get_property("onwrite"):
        return "w1c"
    if not node.is_sw_readable:
        return "wo"
    return "rw" if node.is_sw_writable else "ro"


def _text(node: RegNode | FieldNode) -> str:
    return " ".join((node.get_property("desc") or "").split())
