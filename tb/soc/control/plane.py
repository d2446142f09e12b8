"""Registers, control and both DMAs with units that write down what they are told, on AXI."""

from functools import cache
from pathlib import Path

from amaranth import Cat, ClockDomain, DomainRenamer, Module, Mux, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect

from gemmule.gen.simulation.axi import build_axi
from gemmule.gen.verilog.emit import emit_component
from gemmule.golden.common.formats import Format
from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.golden.soc.commands import COMMAND, Cause
from gemmule.golden.soc.functions import VectorHardware
from gemmule.golden.soc.hardware import Hardware
from gemmule.hw.common.stream.fifo import Fifo
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.soc.bus.axi import AxiSignature, prefixed
from gemmule.hw.soc.bus.lite import AxiLiteSignature
from gemmule.hw.soc.control.control import Control
from gemmule.hw.soc.control.layouts import UNITS, command_layout, finished_layout
from gemmule.hw.soc.dma.read import ReadDma
from gemmule.hw.soc.dma.request import request_layout, write_done
from gemmule.hw.soc.dma.write import WriteDma
from gemmule.hw.soc.register_map import register_map
from gemmule.hw.soc.registers import Registers

__all__ = [
    "FAILS",
    "HANGS",
    "HARDWARE",
    "OPTIONAL",
    "ControlPlane",
    "Scribe",
    "constants",
    "program",
]

HANGS = 0xABCDE
"""The rows of a command that the unit never finishes."""

FAILS = 0x00ABCDEF
"""The stride of b with which the unit says that settings are illegal, at address 77."""

HARDWARE = Hardware(a_format=Format(True, 8), b_format=Format(True, 16), acc_width=32)
"""What commands meet: elements of one and of two bytes, and a k of at most 511."""

OPTIONAL = {"vector": VectorHardware(), "convolution": ConvolutionHardware()}
"""The units that may be there."""


def constants() -> dict[str, int]:
    """Return a value for each constant register, all of them different."""
    names = [each.name for each in register_map().values() if each.constant]
    return {name: 0x01020304 * n + 7 for n, name in enumerate(names)}


class Scribe(wiring.Component):
    """A unit that writes each command to its address c, as it stood in memory.

    In place of ``sizes``, which are 0 of products, the ``timed`` unit writes how many cycles
    passed since the ``bell``, 255 at most. A command takes ``m`` mod 1024 cycles, in which the unit
    ``works``; four more may wait.
    """

    def __init__(self, address_width: int, *, timed: bool):
        self.address_width, self._timed = address_width, timed
        super().__init__({
            "command": In(stream.Signature(command_layout(address_width))),
            "finished": Out(stream.Signature(finished_layout(address_width))),
            "request": Out(stream.Signature(request_layout(address_width))),
            "data": Out(packet_stream(128)),
            "done": In(write_done(address_width)),
            "bell": In(1),
            "works": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.waiting = waiting = Fifo(8 * COMMAND.size, 4)
        since, left, beat = Signal(8), Signal(10), Signal(2)
        word = {"sizes": since} if self._timed else {}
        octets = Cat(
            word[each.name] if each.name in word else _wide(self.command.payload[each.name], each)
            for each in COMMAND.entries
        )
        with m.If(self.bell):
            m.d.sync += since.eq(1)
        with m.Elif(since != 255):
            m.d.sync += since.eq(since + 1)
        held = waiting.o.payload
        fields = {each.name: held[8 * each.offset :][: 8 * each.octets] for each in COMMAND.entries}
        m.d.comb += [
            waiting.i.valid.eq(self.command.valid),
            waiting.i.payload.eq(octets),
            self.command.ready.eq(waiting.i.ready),
            self.request.payload.address.eq(fields["c"]),
            self.request.payload.length.eq(COMMAND.size),
            self.data.payload.data.eq(held.word_select(beat, 128)),
            self.data.payload.last.eq(beat == 3),
        ]
        cause, address = Signal(8), Signal(self.address_width)
        m.d.comb += [
            self.finished.payload.cause.eq(cause),
            self.finished.payload.address.eq(address),
        ]
        with m.FSM():
            with m.State("wait"):
                m.d.sync += left.eq(fields["m"][:10])
                with m.If(waiting.o.valid):
                    m.next = "work"
            with m.State("work"):
                m.d.comb += self.works.eq(1)
                m.d.sync += left.eq(left - 1)
                with m.If((left == 0) & (fields["m"] != HANGS)):
                    m.next = "ask"
            with m.State("ask"):
                m.d.comb += self.request.valid.eq(1)
                with m.If(self.request.ready):
                    m.next = "give"
            with m.State("give"):
                m.d.comb += self.data.valid.eq(1)
                with m.If(self.data.ready):
                    m.d.sync += beat.eq(beat + 1)
                    with m.If(beat == 3):
                        m.next = "written"
            with m.State("written"):
                fails = fields["b_stride"] == FAILS
                m.d.sync += [cause.eq(Mux(fails, Cause.SETTINGS, 0)), address.eq(Mux(fails, 77, 0))]
                with m.If(self.done.error):
                    m.d.sync += cause.eq(
                        Mux(self.done.decode, Cause.WRITE_DECODE, Cause.WRITE_SLAVE)
                    )
                    m.d.sync += address.eq(self.done.address)
                with m.If(self.done.valid):
                    m.next = "finish"
            with m.State("finish"):
                m.d.comb += [
                    self.finished.valid.eq(1),
                    waiting.o.ready.eq(self.finished.ready),
                ]
                with m.If(self.finished.ready):
                    m.next = "wait"
        return m


def _wide(value, entry):
    """Extend an address that was cut to the bus."""
    return Cat(value, Signal(8 * entry.octets - len(value)))


class ControlPlane(wiring.Component):
    """The accelerator without what computes."""

    def __init__(self, *, address_width: int, data_width: int, ring: bool, units: tuple[str, ...]):
        self.sizes = address_width, data_width
        self.options = {"ring": ring, "units": units}
        super().__init__({
            "aclk": In(1),
            "aresetn": In(1),
            "interrupt": Out(1),
            **{
                name: member.flip()
                for name, member in prefixed("s_axi", AxiLiteSignature(address_width=12)).items()
            },
            **prefixed("m_axi", AxiSignature(address_width=address_width, data_width=data_width)),
        })

    def elaborate(self, platform):
        m = Module()
        m.domains.axi = axi = ClockDomain(local=True)
        m.d.comb += [axi.clk.eq(self.aclk), axi.rst.eq(~self.aresetn)]
        m.submodules.inside = DomainRenamer("axi")(self._inside())
        return m

    def _inside(self) -> Module:
        m = Module()
        width, bus = self.sizes
        m.submodules.registers = registers = Registers(address_width=width, constants=constants())
        m.submodules.control = control = Control(
            address_width=width,
            data_width=bus,
            max_k=HARDWARE.max_k,
            sizes=(0, 1),
            **self.options,
        )
        units = {name: Scribe(width, timed=name == "product") for name in control.units}
        reader = ReadDma(width, bus, [bus // 8])
        writer = WriteDma(width, bus, [16] * (1 + len(units)))
        for name, part in {"reader": reader, "writer": writer, **units}.items():
            m.submodules[name] = ResetInserter(control.machine_reset)(part)
        connect(m, registers.control, control.registers)
        connect(m, control.ring_request, reader.request_0)
        connect(m, reader.data_0, control.ring_data)
        connect(m, control.completion_request, writer.request_0)
        connect(m, control.completion_data, writer.data_0)
        for number, (name, scribe) in enumerate(units.items(), 1):
            connect(m, getattr(control, name), scribe.command)
            connect(m, scribe.finished, getattr(control, f"{name}_finished"))
            connect(m, scribe.request, getattr(writer, f"request_{number}"))
            connect(m, scribe.data, getattr(writer, f"data_{number}"))
            m.d.comb += [
                scribe.done.eq(getattr(writer, f"done_{number}")),
                control.events[f"{name}_busy"].eq(scribe.works),
            ]
        attributes, rung = registers.control.bus, Signal()
        for dma, prefix in ((reader, "read"), (writer, "write")):
            m.d.comb += dma.stop.eq(control.stop)
            for name in ("cache", "prot", "qos"):
                m.d.comb += getattr(dma, name).eq(getattr(attributes, f"{prefix}_{name}"))
            self._join(m, dma.axi, "m_axi")
        self._join(m, registers.bus, "s_axi")
        before = Signal.like(registers.control.tail.commands)
        m.d.sync += before.eq(registers.control.tail.commands)
        m.d.comb += [
            rung.eq(before != registers.control.tail.commands),
            *(scribe.bell.eq(rung) for scribe in units.values()),
            control.completion_done.eq(writer.done_0),
            control.ring_fault_address.eq(reader.fault_address),
            control.ring_fault_decode.eq(reader.fault_decode),
            control.at_rest.eq(reader.idle & writer.idle),
            control.progress.eq((self.m_axi_rvalid & self.m_axi_rready) | self.m_axi_bvalid),
            control.events.bytes_read.eq(Mux(self.m_axi_rvalid & self.m_axi_rready, bus // 8, 0)),
            self.interrupt.eq(control.interrupt),
        ]
        return m

    def _join(self, m: Module, port: wiring.PureInterface, prefix: str) -> None:
        for name in port.signature.members:
            inner, outer = getattr(port, name), getattr(self, f"{prefix}_{name}")
            flow = self.signature.members[f"{prefix}_{name}"].flow
            m.d.comb += outer.eq(inner) if flow is Out else inner.eq(outer)


@cache
def program(
    address_width: int = 40,
    data_width: int = 128,
    ring: bool = True,
    units: tuple[str, ...] = tuple(UNITS),
) -> Path:
    """Return the co-simulation's program."""
    plane = ControlPlane(address_width=address_width, data_width=data_width, ring=ring, units=units)
    return build_axi(emit_component(plane, "control_plane", {}, "control without units"))
