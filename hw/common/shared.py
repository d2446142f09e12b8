"""Cells that occur many times: elaborated once, placed as often as the parent wants."""

import re
from collections.abc import Hashable, Iterator

from amaranth import ClockSignal, Elaboratable, Instance, ResetSignal, Value
from amaranth.back import rtlil
from amaranth.hdl import Fragment, MemoryData, MemoryInstance, Shape, unsigned
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component

__all__ = ["Library", "shared"]

_PORT = re.compile(r"^  wire width \d+ (input|output) \d+ (?: ?signed)? ?\\(\S+)$", re.MULTILINE)
_MODULE = re.compile(r"^module \\(\S+)$", re.MULTILINE)


class Library:
    """The platform under which :mod:`gen.verilog.emit` elaborates: a shared cell is converted once.

    Amaranth hands the platform down to every ``elaborate``; its simulator hands down ``None``, and
    then a shared cell is an ordinary submodule.

    Members
    -------
    texts : ``dict``
        RTLIL of each definition, its submodules included, by definition name.
    """

    def __init__(self):
        self.texts: dict[str, str] = {}
        self._known: dict[Hashable, tuple[str, list[tuple[str, str]]]] = {}

    def place(self, component: Component, key: Hashable) -> Instance:
        """Make an instance of the module that ``component`` elaborates to."""
        key = type(component), key
        if key not in self._known:
            self._known[key] = self._define(component)
        name, ports = self._known[key]
        values = dict(_signals(component))
        values |= {"clk": ClockSignal(), "rst": ResetSignal()}
        return Instance(name, *((way, port, values[port]) for way, port in ports))

    def get_memory(self, memory: Memory) -> MemoryInstance:
        """Make a memory as Amaranth would, but one of zeros without them.

        Amaranth writes contents bit by bit, which takes longer than all else;
        :mod:`gen.verilog.yosys` writes those zeros.
        """
        given = memory.data
        given.freeze()
        if not any(given.init._raw):
            width = Shape.cast(memory.shape).width
            data = MemoryData(shape=unsigned(width), depth=memory.depth, init=[])
            data.name, data.init._raw = given.name, []  # no public way leaves contents out
            given = data
        instance = MemoryInstance(data=given, attrs=memory.attrs, src_loc=memory.src_loc)
        written = {
            port: instance.write_port(
                domain=port.domain, addr=port.addr, data=port.data, en=port.en
            )
            for port in memory.write_ports
        }
        for port in memory.read_ports:
            instance.read_port(
                domain=port.domain,
                addr=port.addr,
                data=port.data,
                en=port.en,
                transparent_for=tuple(written[each] for each in port.transparent_for),
            )
        return instance

    def _define(self, component: Component) -> tuple[str, list[tuple[str, str]]]:
        # The name is provisional: `gen.verilog.merge` names a module by its role in its parent.
        name = f"shared{len(self._known)}.{type(component).__name__}"
        text = rtlil.convert(component, name=name, platform=self, emit_src=False)
        self.texts[name] = text
        start = next(match.end() for match in _MODULE.finditer(text) if match[1] == name)
        body = text[start : text.index("\nend\n", start)]
        return name, [(way[0], port) for way, port in _PORT.findall(body)]


class _Shared(Elaboratable):
    def __init__(self, component: Component, key: Hashable):
        # The definition may come from another instance; this one's ports are used all the same.
        component._MustUse__used = True
        self._component = component
        self._key = key

    def elaborate(self, platform: object) -> Fragment | Component:
        if isinstance(platform, Library):
            return platform.place(self._component, self._key)
        return self._component


def shared(component: Component, key: Hashable) -> Elaboratable:
    """Return ``component`` as a submodule that is elaborated once for all equal ones.

    An array of 1,024 equal cells costs one elaboration and 1,024 instances, and its Verilog holds
    one module. Two components are equal when their classes and ``key`` are: ``key`` is whatever
    the constructor took, usually the parameters. The parent uses the ports of ``component``::

        cell = Cell(params)
        m.submodules[f"cell_{row}_{col}"] = shared(cell, params)
        m.d.comb += cell.a.eq(left)

    The cell lives in the domain ``sync`` and takes no signal but through its ports. Its module is
    called after its role: ``cell_3_4`` of block ``gemm`` becomes ``gemm_cell``.
    """
    return _Shared(component, key)


def _signals(component: Component) -> Iterator[tuple[str, Value]]:
    for path, _member, value in component.signature.flatten(component):
        yield "__".join(map(str, path)), Value.cast(value)
