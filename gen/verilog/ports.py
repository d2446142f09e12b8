"""What a component's signature says of its ports and streams."""

from collections.abc import Iterator, Mapping
from typing import Any

from amaranth import Shape
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Member

from gemmule.golden.common.codes import Code

from .manifest import CodeInfo, FieldInfo, PortInfo, StreamInfo, VariantInfo

__all__ = ["layout_fields", "ports", "streams"]


def ports(component: Component) -> tuple[PortInfo, ...]:
    """Return each port by its Verilog name, in the signature's order, ``clk`` and ``rst`` first."""
    listed = (
        PortInfo(name, _direction(member), Shape.cast(member.shape).width)
        for name, member in _leaves(component.signature.members)
        if not member.is_signature
    )
    return (*(PortInfo(name, "input", 1) for name in ("clk", "rst")), *listed)


def streams(component: Component) -> tuple[StreamInfo, ...]:
    """Return each stream: direction, payload width, and the payload's fields, low bits first.

    A field that carries a :class:`~gemmule.golden.common.codes.Code` lists its ``codes``. Where a
    component has ``command_layouts``, by kind what a command carries in its ``content``, the stream
    ``command`` lists them as ``variants``: each with its ``kind``, and its fields there.
    """
    layouts = getattr(component, "command_layouts", None)
    return tuple(
        StreamInfo(
            name,
            _direction(member),
            Shape.cast(_payload(member)).width,
            tuple(_fields("", _payload(member), 0)),
            tuple(_variants(member, layouts)) if layouts and name == "command" else (),
        )
        for name, member in _leaves(component.signature.members)
        if member.is_signature
    )


def layout_fields(layout: data.Layout) -> list[FieldInfo]:
    """Return the fields of a layout, low bits first, as those of a stream."""
    return list(_fields("", layout, 0))


def _direction(member: Member) -> str:
    return "input" if member.flow == In else "output"


def _payload(member: Member) -> Any:
    return member.signature.members["payload"].shape


def _leaves(members: Any, prefix: str = "") -> Iterator[tuple[str, Member]]:
    """Yield streams, each followed by its three ports, and lone ports, by their Verilog names."""
    for name, member in members.items():
        for index in _indices(member.dimensions):
            full = prefix + "__".join([name, *map(str, index)])
            if member.is_port:
                yield full, member
                continue
            if isinstance(member.signature, stream.Signature):
                yield full, member
            # A member's signature is already turned around where the member flows in.
            yield from _leaves(member.signature.members, full + "__")


def _indices(dimensions: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    if not dimensions:
        yield ()
        return
    for first in range(dimensions[0]):
        for rest in _indices(dimensions[1:]):
            yield first, *rest


def _fields(name: str, shape: Any, offset: int) -> Iterator[FieldInfo]:
    if isinstance(shape, data.StructLayout):
        for key, field in shape:
            inner = f"{name}.{key}" if name else str(key)
            yield from _fields(inner, field.shape, offset + field.offset)
        return
    if isinstance(shape, data.ArrayLayout) and isinstance(shape.elem_shape, data.Layout):
        width = Shape.cast(shape.elem_shape).width
        for index in range(shape.length):
            inner = f"{name}.{index}" if name else str(index)
            yield from _fields(inner, shape.elem_shape, offset + index * width)
        return
    lanes, element = 1, shape
    if isinstance(shape, data.ArrayLayout):
        lanes, element = shape.length, shape.elem_shape
    numbers = Shape.cast(element)
    yield FieldInfo(
        name or "payload",
        offset,
        numbers.width,
        lanes,
        numbers.signed,
        tuple(map(_code, element)) if _is_code(element) else (),
    )


def _variants(member: Member, layouts: Mapping[Code, data.StructLayout]) -> Iterator[VariantInfo]:
    (content,) = (
        each.offset
        for each in _fields("", _payload(member), 0)
        if each.name.split(".")[-1] == "content"
    )
    for kind, layout in layouts.items():
        fields = tuple(_fields("", layout, content)) if layout.members else ()
        yield VariantInfo(_code(kind), fields)


def _is_code(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, Code)


def _code(code: Code) -> CodeInfo:
    return CodeInfo(int(code), code.name, code.text)
