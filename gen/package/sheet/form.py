"""The form in which the author of a block says what a stranger must know to drive it.

How to fill it in
-----------------

Write a function of the block's parameters that returns a :class:`Sheet`, beside its adapter
(``gen/blocks/<family>/..._sheet.py``), and name it in the block: ``Block(...,
sheet=softmax_sheet)``.
Models to follow: ``gen/blocks/systolic/gemm_sheet.py`` (`gemm`),
``gen/blocks/nonlinear/softmax_sheet.py``.

- The reader has the generated folder and nothing else. Name no Python module, function or class;
  write every formula out, in integers, with its rounding and its saturation.
- All texts are Markdown. Put this hardware's numbers into them (``params.largest_k``), never the
  name of an option alone. ``{latency}`` and ``{name}`` stand for the component's latency and for
  the name of the top module.
- ``streams`` has every stream, and every field of it, under the name that the manifest gives it
  without the numbers of lanes: ``data.3.shift`` is ``data.shift``. ``last`` needs no entry. Bytes,
  bits, signs and the codes of a :class:`~golden.common.codes.Code` come from the manifest; say the
  unit, the legal values and the meaning. Status streams are described by `parts.status`.
- A field that means something else in each kind of command is described by ``variants``.
- ``ahead`` is measured: a test offers each stream alone, after the example's commands, and counts.
- ``examples``: tiny arrays for *any* legal parameters. The adapter makes the beats, and its
  ``Job.results`` those that come back, for the sheet and for `gemmule export`. A test replays the
  hexadecimal numbers of the sheet on the Verilog.
- ``encoder`` names texts of plain Python that are put at the end of the generated
  ``<name>.py``, where it may use ``pack``, ``unpack`` and the constants.

``tb/package/test_sheets.py`` holds every block of the catalog to all this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from amaranth.lib import data
from numpy.typing import NDArray

from gemmule.gen.verilog.ports import layout_fields

__all__ = ["ANY", "Example", "Field", "Sheet", "Stream", "Variant", "variant_parts"]

ANY = None
"""Of a stream that needs no other one: it is taken as fast as results leave."""


@dataclass(frozen=True)
class Field:
    """One field: what it means, in which unit it counts, and its legal values."""

    meaning: str
    legal: str = "any"
    unit: str = ""


@dataclass(frozen=True)
class Stream:
    """One stream: what a packet or word is, and its fields by name."""

    meaning: str
    fields: Mapping[str, Field]


@dataclass(frozen=True)
class Variant:
    """What a field holds in one kind of command: ``layout`` from its lowest bit on.

    ``when`` says which kind, always as "`kind` is 3".
    """

    name: str
    when: str
    meaning: str
    layout: data.Layout
    fields: Mapping[str, Field]


@dataclass(frozen=True)
class Example:
    """A job for the adapter, so small that all of its beats can be printed; ``run`` its options."""

    title: str
    arrays: Mapping[str, NDArray]
    run: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """All that a block's data sheet says beyond what the manifest does.

    Parameters
    ----------
    equation
        What is computed, of integers, with rounding and saturation.
    streams
        Every stream of the block.
    order
        What comes in which order on each stream, as loops.
    faults
        What a refused command and a malformed packet do, and what they consume.
    limits
        What is limited, and the limit as a number.
    latency, throughput
        With numbers of cycles.
    back_pressure
        Which stream waits for which.
    ahead
        For each input, the words that it takes while all other inputs but ``command`` are silent;
        of ``command``, while all others are. :data:`ANY` where it needs no other.
    examples
        At least one, unless the block has no adapter.
    variants
        Of a field, as ``command.content``, its meanings.
    constants
        What the C header and the encoder define beside the layouts.
    tables
        Numbers that the equation needs and no formula gives: they are put into the encoder.
    encoder
        Files ``gen/package/templates/<name>.txt`` of plain Python, put at the end of the encoder.
    source
        Publications, if any.
    ports
        Of a block without streams, what each of its ports is.
    """

    equation: str
    streams: Mapping[str, Stream]
    order: str
    faults: str
    limits: tuple[tuple[str, object], ...]
    latency: str
    throughput: str
    back_pressure: str
    ahead: Mapping[str, int | None]
    examples: tuple[Example, ...] = ()
    variants: Mapping[str, tuple[Variant, ...]] = field(default_factory=dict)
    constants: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, Sequence[int]] = field(default_factory=dict)
    encoder: tuple[str, ...] = ()
    source: str = ""
    ports: Mapping[str, str] = field(default_factory=dict)


def variant_parts(variant: Variant, number: int) -> str:
    """Say what ``number`` holds as this variant, the parts that are not 0."""
    found = []
    for part in layout_fields(variant.layout):
        for lane in range(part.lanes):
            bits = part.width
            value = number >> part.offset + lane * bits & (1 << bits) - 1
            if part.signed and value >> bits - 1:
                value -= 1 << bits
            name = part.name + (f"[{lane}]" if part.lanes > 1 else "")
            found += [f"{name}={value}"] if value else []
    return " ".join(found)
