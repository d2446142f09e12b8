"""The `accelerator` block: units that compute from memory to memory, behind AXI."""

from itertools import zip_longest

from amaranth import Cat, ClockDomain, Const, Module, ResetInserter, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from gemmule.golden.soc.commands import COMPLETION
from gemmule.hw.common.pipeline import register
from gemmule.hw.conv.engine import PROGRAM

from .array import SharedArray
from .bus.axi import AxiSignature, prefixed
from .bus.lite import AxiLiteSignature
from .control.control import Control
from .convolution.unit import ConvolutionUnit
from .dma.read import ReadDma
from .dma.write import WriteDma
from .params import AcceleratorParams
from .product.unit import ProductUnit
from .registers import PAGE, Registers
from .vector.unit import VectorUnit

__all__ = ["Accelerator"]

READS = ("settings", "a", "b")
"""What a unit reads, in the order of its channels."""


class Accelerator(wiring.Component):
    """Multiply matrices that lie in memory: commands by AXI4-Lite or from a ring, an interrupt.

    Commands of 64 bytes name row-major matrices, any size and row stride; the product of each, or
    what the vector unit computes of them, is requantized and written. :mod:`golden.soc.commands`
    lays out commands, settings and completions, `hw/soc/registers.rdl` the registers,
    :mod:`golden.soc.machine` defines what all of it does.

    The parts: registers, control (fetch, check, order, complete), the product unit, the vector unit
    where it has lanes, the convolution unit where it has programs, and a DMA in each direction that
    serves their channels. The units work side by side, but for products and convolutions, which
    take turns at one array.

    Latency: from the doorbell to the interrupt the memory's five times (command, operands, results,
    completion, their answers) and about 110 cycles. Throughput: rows x cols products a cycle,
    and beside them as many elements as the vector unit has lanes in as many cycles as the largest
    of them has bytes, while the bus brings operands. Back-pressure: the bus may pause anywhere.
    Errors: those of commands and of the bus end a command with a cause and an address; none can
    hang or leave the windows.

    Parameters
    ----------
    params : :class:`AcceleratorParams`
    members : dict
        What another top that is made of this one has beside these.

    Members
    -------
    aclk, aresetn : In(1)
    interrupt : Out(1)
        Level, high.
    s_axi_<name> : In(AxiLiteSignature)
    m_axi_<name> : Out(AxiSignature)
    """

    def __init__(self, params: AcceleratorParams, members: dict[str, wiring.Member] | None = None):
        self.params = params
        self._lite = AxiLiteSignature(address_width=PAGE)
        self._axi = AxiSignature(
            address_width=params.address_width,
            data_width=params.data_width,
            id_width=params.id_width,
        )
        super().__init__({
            "aclk": In(1),
            "aresetn": In(1),
            "interrupt": Out(1),
            **prefixed("s_axi", self._lite.flip()),
            **prefixed("m_axi", self._axi),
            **(members or {}),
        })

    @property
    def constants(self) -> dict[str, int]:
        """The word of each register that is constant."""
        return self.params.constants

    def elaborate(self, platform):
        m = Module()
        params, width = self.params, self.params.address_width
        m.domains.sync = sync = ClockDomain(local=True)
        m.d.comb += [sync.clk.eq(self.aclk), sync.rst.eq(~self.aresetn)]
        m.submodules.registers = registers = Registers(
            address_width=width, constants=params.constants, slverr=params.slverr
        )
        m.submodules.control = control = Control(
            address_width=width,
            data_width=params.data_width,
            max_k=params.max_k,
            sizes=params.element_sizes,
            units=params.unit_names,
            ring=params.ring,
        )
        units = self._units(m, control.machine_reset)
        bus = {"under_way": params.outstanding, "id_width": params.id_width}
        vectors, results = self._vectors(units)
        read = ReadDma(width, params.data_width, vectors, **bus)
        write = WriteDma(width, params.data_width, results, **bus)
        for name, part in (("read", read), ("write", write)):
            m.submodules[name] = ResetInserter(control.machine_reset)(part)
        connect(m, registers.control, control.registers)
        self._lite_ports(m, registers)
        self._axi_ports(m, read, write)
        self._channels(m, control, units, read, write)
        for name, unit in units.items():
            connect(m, getattr(control, name), unit.command)
            connect(m, unit.finished, getattr(control, f"{name}_finished"))
        moves = [
            getattr(self, f"m_axi_{name}valid") & getattr(self, f"m_axi_{name}ready")
            for name in ("r", "w", "b")
        ]
        attributes = registers.control.bus
        m.d.comb += [
            self.interrupt.eq(control.interrupt),
            control.at_rest.eq(
                read.idle
                & write.idle
                & (Cat(unit.idle for unit in units.values()).all() | control.stop)
            ),
            control.progress.eq(
                Cat(moves, *(unit.events.a_beats for unit in units.values())).any()
                | units["product"].events.b_beats
            ),
            *(each.stop.eq(control.stop) for each in (read, write)),
            *(
                getattr(dma, name).eq(getattr(attributes, f"{way}_{name}"))
                for way, dma in (("read", read), ("write", write))
                for name in ("cache", "prot", "qos")
            ),
        ]
        self._count(m, control, units, *moves[:2])
        return m

    def _units(self, m: Module, reset: Value) -> dict[str, wiring.Component]:
        """Add the units that there are, in the order of their numbers."""
        params = self.params
        units: dict[str, wiring.Component] = {"product": ProductUnit(params)}
        if params.vector_unit:
            units["vector"] = VectorUnit(params.vector_unit)
        if params.layer:
            units["convolution"] = ConvolutionUnit(params.layer, params.address_width)
            self._share(m, units["product"], units["convolution"], reset)
        for name, unit in units.items():
            # A program of convolutions is reset by a domain of its own.
            m.submodules[name] = ResetInserter({"sync": reset, PROGRAM: reset})(unit)
        return units

    def _share(self, m: Module, product: ProductUnit, other: ConvolutionUnit, reset: Value) -> None:
        """Let both multiply on one array by turns."""
        users = (self.params.gemm, self.params.array)
        m.submodules.array = ResetInserter(reset)(array := SharedArray(self.params.array, users))
        for n, unit in enumerate((product, other)):
            connect(m, unit.array, getattr(array, f"array_{n}"))
            m.d.comb += [
                getattr(array, f"wants_{n}").eq(unit.wants),
                unit.turn.eq(getattr(array, f"turn_{n}")),
            ]
        m.d.comb += product.waited.eq(array.waited)

    def _vectors(self, units: dict) -> tuple[list[int], list[int]]:
        """Return the bytes of a vector of each channel that reads, and of each that writes."""
        reads, writes = [self.params.bus], [COMPLETION.size]
        for unit in units.values():
            reads += [len(getattr(unit, f"data_{name}").p.data) // 8 for name in READS]
            writes.append(len(unit.data_c.p.data) // 8)
        return reads, [writes[1], writes[0], *writes[2:]]

    def _lite_ports(self, m: Module, registers: Registers) -> None:
        for name, member in self._lite.members.items():
            outer, inner = getattr(self, f"s_axi_{name}"), getattr(registers.bus, name)
            driven, by = (inner, outer) if member.flow is Out else (outer, inner)
            m.d.comb += driven.eq(by)

    def _axi_ports(self, m: Module, read: ReadDma, write: WriteDma) -> None:
        for name, member in self._axi.members.items():
            half = read if name.startswith(("ar", "r")) else write
            outer, inner = getattr(self, f"m_axi_{name}"), getattr(half.axi, name)
            driven, by = (outer, inner) if member.flow is Out else (inner, outer)
            m.d.comb += driven.eq(by)

    def _channels(
        self, m: Module, control: Control, units: dict, read: ReadDma, write: WriteDma
    ) -> None:
        """Join whoever reads and writes with his channel of the DMA."""
        connect(m, control.ring_request, read.request_0)
        connect(m, read.data_0, control.ring_data)
        channels = [(unit, name) for unit in units.values() for name in READS]
        for number, (unit, name) in enumerate(channels, 1):
            connect(m, getattr(unit, f"request_{name}"), getattr(read, f"request_{number}"))
            connect(m, getattr(read, f"data_{number}"), getattr(unit, f"data_{name}"))
        for unit, number in zip(units.values(), (0, 2, 3), strict=False):
            connect(m, unit.request_c, getattr(write, f"request_{number}"))
            connect(m, unit.data_c, getattr(write, f"data_{number}"))
            m.d.comb += [
                unit.done_c.eq(getattr(write, f"done_{number}")),
                unit.fault_address.eq(read.fault_address),
                unit.fault_decode.eq(read.fault_decode),
            ]
        connect(m, control.completion_request, write.request_1)
        connect(m, control.completion_data, write.data_1)
        m.d.comb += [
            control.completion_done.eq(write.done_1),
            control.ring_fault_address.eq(read.fault_address),
            control.ring_fault_decode.eq(read.fault_decode),
        ]

    def _count(self, m: Module, control: Control, units: dict, reads: Value, writes: Value) -> None:
        strobes = register(m, "strobes", self.m_axi_wstrb & writes.replicate(self.params.bus))
        octets = Signal(range(self.params.bus + 1))
        m.d.sync += octets.eq(_ones(strobes))
        m.d.comb += [
            control.events.bytes_read.eq(reads.replicate(7) & self.params.bus),
            control.events.bytes_written.eq(octets),
            *(
                control.events[f"{name}_busy"].eq(unit.events.a_beats)
                for name, unit in units.items()
            ),
            *(
                control.events[name].eq(Cat(unit.events[name] for unit in units.values()).any())
                for name in ("wait_read", "wait_write")
            ),
        ]


def _ones(bits: Value) -> Value:
    """Count ones."""
    values = list(bits)
    while len(values) > 1:
        pairs = zip_longest(values[::2], values[1::2], fillvalue=Const(0, 1))
        values = [low + high for low, high in pairs]
    return values[0]
