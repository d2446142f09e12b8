"""The dense product as a unit: row-major matrices in memory, and their product."""

from amaranth import Array, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.golden.common.formats import Format
from gemmule.golden.soc.commands import COLUMN, Cause
from gemmule.hw.common.pipeline import register, wire
from gemmule.hw.common.stream.fifo import Fifo
from gemmule.hw.soc.control.layouts import finished_layout
from gemmule.hw.soc.unit import read_cause, unit_members, write_cause
from gemmule.hw.systolic.gemm import Gemm

from .blocks import Blocks
from .layouts import JOBS
from .loader import RowLoader
from .params import ProductUnitParams
from .plan import Plan
from .results.store import Store
from .scratchpad import Scratchpad
from .settings import BANKS
from .settings_fetch import SettingsFetch
from .settings_issue import SettingsIssue

__all__ = ["EVENTS", "ProductUnit"]

EVENTS = ("a_beats", "b_beats", "wait_read", "wait_write")
"""What takes place in a cycle: a beat of an operand enters, the array waits for one, for room."""

BLOCKS = 16
"""Blocks that each part may have before it."""


class ProductUnit(wiring.Component):
    """Multiply matrices in memory: ``c [M, N] = requantize(a [M, K] @ b [K, N])``.

    Matrices are row-major, with any row stride, at any byte. Whole rows of both are fetched to
    scratchpads, from which the beats of `Gemm` are made; results go row by row of a tile. What the
    scratchpads hold is read once, see `Plan`. :mod:`golden.soc.machine` says what a command means.

    Commands overlap: the next one's operands load while this one multiplies. One whose settings are
    illegal, or one of whose reads or writes is answered by an error, drops its results from then on
    and ends with the cause; others are not touched.

    Latency: the memory's, a pass's rows of a, all of the block's b and `Gemm`'s. Throughput: rows x
    cols products a cycle while operands arrive. Back-pressure: ``command`` waits while `JOBS` are
    under way; ``finished`` may wait.

    Members
    -------
    command : In(stream of :func:`~gemmule.hw.soc.control.layouts.command_layout`)
        Checked: nothing of it is looked at again.
    finished : Out(stream of :func:`~gemmule.hw.soc.control.layouts.finished_layout`)
        One a command, in order.
    request_settings, request_a, request_b, request_c : Out(stream of ``request_layout``)
    data_settings, data_a, data_b : In(``read_stream``)
        Of 16 bytes, of words of a's scratchpad, and of b's.
    data_c : Out(packet stream of bus words)
    done_c : In(``write_done``)
    fault_address : In, fault_decode : In(1)
        Of the vector with an error that is taken in this cycle.
    idle : Out(1)
        No command is under way.
    events : Out(struct of `EVENTS`)
    array : In(the array's signature); turn, waited : In(1); wants : Out(1)
        Only where the array is not here, as :class:`~gemmule.hw.soc.array.SharedArray` has them.
        A command that is offered while another unit waits for the array is not begun.
    """

    def __init__(self, params: ProductUnitParams):
        self.params = params
        self._gemm = Gemm(params.gemm, shared=params.array is not None)
        members = unit_members(
            params.address_width,
            settings=COLUMN.size,
            a=params.a_word,
            b=params.b_word,
            c=params.bus,
            events=EVENTS,
        )
        super().__init__(members | (self._outside() if params.array else {}))

    def _outside(self) -> dict[str, wiring.Member]:
        array = self._gemm.signature.members["array"]
        return {"array": array, "turn": In(1), "waited": In(1), "wants": Out(1)}

    def elaborate(self, platform):
        m = Module()
        params = self.params
        m.submodules.plan = plan = Plan(params)
        m.submodules.blocks = blocks = Blocks(params)
        m.submodules.gemm = gemm = self._gemm
        m.submodules.load_a = load_a = RowLoader(
            params, depth=params.a_depth, vector=params.a_word, group=1
        )
        m.submodules.load_b = load_b = RowLoader(
            params, depth=params.b_depth, vector=params.b_word, group=params.rows
        )
        m.submodules.pad_a = pad_a = Scratchpad(
            params.a_depth, 8 * params.a_vector, params.a_share, params.most_tiles
        )
        m.submodules.pad_b = pad_b = Scratchpad(
            params.b_depth, 8 * params.b_vector, params.b_share, params.most_tiles
        )
        m.submodules.fetch = fetch = SettingsFetch(params)
        m.submodules.issue = issue = SettingsIssue(
            params, gemm.command.signature.flip(), gemm.scale.signature.flip()
        )
        m.submodules.store = store = Store(params)
        self._take(m, plan, gemm)
        connect(m, plan.job, blocks.job)
        parts = {
            "load_a": load_a.load,
            "load_b": load_b.load,
            "walk_a": pad_a.walk,
            "walk_b": pad_b.walk,
            "settings": fetch.settings,
            "issue": issue.issue,
            "combine": store.combine,
            "store": store.store,
        }
        for name, target in parts.items():
            m.submodules[f"{name}_queue"] = queue = Fifo(target.p.shape(), BLOCKS)
            connect(m, getattr(blocks, name), queue.i)
            connect(m, queue.o, target)
        for name, loader, pad in (("a", load_a, pad_a), ("b", load_b, pad_b)):
            connect(m, loader.request, flipped(getattr(self, f"request_{name}")))
            connect(m, flipped(getattr(self, f"data_{name}")), loader.data)
            m.d.comb += [
                pad.write.eq(loader.write),
                pad.vector.eq(loader.vector),
                loader.freed.eq(pad.freed),
            ]
        m.d.comb += load_a.begun.eq(load_b.asked)
        self._operand(m, pad_a, gemm.a, params.a_octets, params.x_format)
        self._operand(m, pad_b, gemm.b, params.b_octets, params.w_format)
        self._settings(m, fetch, issue, gemm)
        connect(m, store.request, flipped(self.request_c))
        connect(m, store.data, flipped(self.data_c))
        m.d.comb += [
            store.c.valid.eq(gemm.c.valid),
            store.c.p.data.eq(Value.cast(gemm.c.p.data)),
            store.c.p.last.eq(gemm.c.p.last),
            gemm.c.ready.eq(store.c.ready),
            gemm.status.ready.eq(1),
            store.done.eq(self.done_c),
        ]
        self._finish(m, blocks, store, (load_a, load_b), fetch, issue)
        m.d.comb += [
            self.idle.eq(~blocks.busy & plan.command.ready & ~self.finished.valid),
            self.events.a_beats.eq(gemm.a.valid & gemm.a.ready),
            self.events.b_beats.eq(gemm.b.valid & gemm.b.ready),
            self.events.wait_read.eq(blocks.busy & gemm.a.ready & ~gemm.a.valid),
            self.events.wait_write.eq(gemm.c.valid & ~gemm.c.ready),
        ]
        return m

    def _take(self, m: Module, plan: Plan, gemm: Gemm) -> None:
        """Take commands, but where another unit waits for the array."""
        if not self.params.array:
            connect(m, flipped(self.command), plan.command)
            return
        connect(m, gemm.array, flipped(self.array))
        m.d.comb += [
            gemm.turn.eq(self.turn),
            self.wants.eq(~self.idle | self.command.valid & ~self.waited),
            plan.command.valid.eq(self.command.valid & ~self.waited),
            plan.command.p.eq(self.command.p),
            self.command.ready.eq(plan.command.ready & ~self.waited),
        ]

    def _operand(self, m: Module, pad: Scratchpad, port, octets: int, fmt: Format) -> None:
        """Hand vectors to the product: of each element its low bits count."""
        elements = [
            pad.o.p.data.word_select(n, 8 * octets)[: fmt.width]
            for n in range(len(pad.o.p.data) // (8 * octets))
        ]
        m.d.comb += [
            port.valid.eq(pad.o.valid),
            *(
                Value.cast(lane).eq(element.as_signed() if fmt.signed else element)
                for lane, element in zip(port.p.data, elements, strict=False)
            ),
            port.p.last.eq(pad.o.p.last),
            pad.o.ready.eq(port.ready),
        ]

    def _settings(self, m: Module, fetch: SettingsFetch, issue: SettingsIssue, gemm: Gemm) -> None:
        connect(m, fetch.request, flipped(self.request_settings))
        connect(m, flipped(self.data_settings), fetch.data)
        m.submodules.columns = columns = Memory(
            shape=128, depth=BANKS << (len(fetch.place) - 1), init=[]
        )
        write, read = columns.write_port(), columns.read_port()
        m.d.comb += [
            write.en.eq(fetch.write),
            write.addr.eq(fetch.place),
            write.data.eq(fetch.entry),
            read.addr.eq(issue.place),
            issue.entry.eq(read.data),
            issue.full.eq(fetch.full),
            *(mine.eq(its) for mine, its in zip(issue.bank, fetch.bank, strict=True)),
            fetch.free.eq(issue.free),
        ]
        connect(m, issue.command, gemm.command)
        connect(m, issue.scale, gemm.scale)

    def _finish(
        self,
        m: Module,
        blocks: Blocks,
        store: Store,
        loaders: tuple[RowLoader, ...],
        fetch: SettingsFetch,
        issue: SettingsIssue,
    ) -> None:
        """Keep the first thing that goes wrong with each job, and tell it when the job is over."""
        width = self.params.address_width
        faults = [Signal(finished_layout(width), name=f"fault_{n}") for n in range(JOBS)]
        read, wrote = read_cause(self.fault_decode), write_cause(store.decode)
        # Of what happens in one cycle, the first of these counts.
        events = [
            *((each.fault, each.job, read, self.fault_address) for each in (*loaders, fetch)),
            (fetch.wrong, fetch.job, Cause.SETTINGS.value, 0),
            (issue.wrong, issue.job, Cause.SETTINGS.value, 0),
            (store.fault, store.job, wrote, store.address),
        ]
        ended = wire(m, "ended", self.finished.valid & self.finished.ready)
        m.d.comb += [
            self.finished.valid.eq(store.over),
            self.finished.p.eq(Array(faults)[store.ended]),
            store.told.eq(ended),
            blocks.ended.eq(ended),
        ]
        for number, fault in enumerate(faults):
            now = Signal.like(fault, name=f"fault_now_{number}")
            m.d.comb += now.eq(fault)
            void = register(m, f"void_{number}", now.cause != 0, reset=True)
            m.d.comb += store.void[number].eq(void)
            with m.If(~void):
                for happens, whose, cause, address in reversed(events):
                    with m.If(happens & (whose == number)):
                        m.d.comb += [now.cause.eq(cause), now.address.eq(address)]
            m.d.sync += fault.eq(now)
            with m.If(ended & (store.ended == number)):
                m.d.sync += [fault.eq(0), void.eq(0)]
