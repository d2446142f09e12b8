"""A small design with AXI ports: it copies a few words, and can be told to break a rule."""

from amaranth import Array, ClockDomain, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RULES", "AxiCopier"]

RULES = ("none", "payload", "valid", "wlast", "size", "burst", "strobes", "answer")
"""What :class:`AxiCopier` breaks, by the number in its register 14."""

OCTETS = 8
LONGEST = 16

LITE_IN = ("awaddr:12 awprot:3 awvalid:1 wdata:32 wstrb:4 wvalid:1 bready:1 araddr:12 arprot:3 "
           "arvalid:1 rready:1")  # fmt: skip
LITE_OUT = "awready:1 wready:1 bresp:2 bvalid:1 arready:1 rdata:32 rresp:2 rvalid:1"
MASTER_OUT = (
    "awid:2 awaddr:32 awlen:8 awsize:3 awburst:2 awvalid:1 wdata:64 wstrb:8 wlast:1 wvalid:1 "
    "bready:1 arid:2 araddr:32 arlen:8 arsize:3 arburst:2 arvalid:1 rready:1"
)
MASTER_IN = (
    "awready:1 wready:1 bid:2 bresp:2 bvalid:1 arready:1 rid:2 rdata:64 rresp:2 rlast:1 rvalid:1"
)


def _members(prefix: str, text: str, way) -> dict:
    pairs = (each.split(":") for each in text.split())
    return {f"{prefix}_{name}": way(int(width)) for name, width in pairs}


class AxiCopier(wiring.Component):
    """Registers 0 source, 4 target, 8 words (at most 16), C: any write begins, bit 0 is "done".

    With the interrupt high, a write to C of 0 takes it back. Register 10 counts error responses,
    register 14 is the place in ``RULES`` of what it breaks. A write of 3 to C does something else:
    two reads of 8 words and two writes of one, with ids 0 and 1, under way at once; register 18
    tells bit 0 of the 16 words in the order in which they came, and below them the ids of the two
    answers to writes. A write of 7 is that with id 0 for all. An error is counted for a word whose
    bits 3 to 1 do not count up in its burst, and for one whose bit 0 is not its id.
    """

    def __init__(self):
        super().__init__({
            "aclk": In(1),
            "aresetn": In(1),
            "interrupt": Out(1),
            **_members("s_axi", LITE_IN, In),
            **_members("s_axi", LITE_OUT, Out),
            **_members("m_axi", MASTER_OUT, Out),
            **_members("m_axi", MASTER_IN, In),
        })

    def elaborate(self, platform):
        m = Module()
        m.domains.axi = axi = ClockDomain(local=True)
        m.d.comb += [axi.clk.eq(self.aclk), axi.rst.eq(~self.aresetn)]
        self._registers = Array(Signal(32, name=f"register_{n}") for n in range(8))
        self._go = Signal()
        self._two = Signal()
        self._alike = Signal()
        self._done = Signal()
        self._order = Signal(18)
        self._errors = Signal(8)
        self._lite(m)
        self._copy(m)
        m.d.comb += self.interrupt.eq(self._done)
        return m

    def _lite(self, m):
        address, data = Signal(12), Signal(32)
        has_address, has_data = Signal(), Signal()
        early = self._breaks("answer")
        m.d.comb += [
            self.s_axi_awready.eq(~has_address & ~self.s_axi_bvalid),
            self.s_axi_wready.eq(~has_data & ~self.s_axi_bvalid),
            self.s_axi_arready.eq(~self.s_axi_rvalid),
        ]
        with m.If(self.s_axi_awvalid & self.s_axi_awready):
            m.d.axi += [address.eq(self.s_axi_awaddr), has_address.eq(1)]
        with m.If(self.s_axi_wvalid & self.s_axi_wready):
            m.d.axi += [data.eq(self.s_axi_wdata), has_data.eq(1)]
        m.d.axi += self._go.eq(0)
        with m.If((has_address | early) & has_data):
            m.d.axi += [has_address.eq(0), has_data.eq(0), self.s_axi_bvalid.eq(1)]
            m.d.axi += self._registers[address[2:5]].eq(data)
            with m.If(address == 12):
                m.d.axi += [self._go.eq(data[0]), self._two.eq(data[1]), self._done.eq(0)]
                m.d.axi += self._alike.eq(data[2])
        with m.If(self.s_axi_bvalid & self.s_axi_bready):
            m.d.axi += self.s_axi_bvalid.eq(0)
        with m.If(self.s_axi_arvalid & self.s_axi_arready):
            m.d.axi += [self.s_axi_rvalid.eq(1), self.s_axi_rdata.eq(0)]
            with m.If(self.s_axi_araddr < 12):
                m.d.axi += self.s_axi_rdata.eq(self._registers[self.s_axi_araddr[2:5]])
            with m.Elif(self.s_axi_araddr == 12):
                m.d.axi += self.s_axi_rdata.eq(self._done)
            with m.Elif(self.s_axi_araddr == 16):
                m.d.axi += self.s_axi_rdata.eq(self._errors)
            with m.Elif(self.s_axi_araddr == 24):
                m.d.axi += self.s_axi_rdata.eq(self._order)
        with m.If(self.s_axi_rvalid & self.s_axi_rready):
            m.d.axi += self.s_axi_rvalid.eq(0)

    def _breaks(self, rule):
        return self._registers[5] == RULES.index(rule)

    def _both(self, m, at):
        """Have two bursts under way in each direction."""
        half, word = at[0], self.m_axi_rdata
        place = Array(Signal(3, name=f"place_{n}") for n in range(2))
        strange = (word[1:4] != place[word[0]]) | (~self._alike & (word[0] != self.m_axi_rid[0]))
        with m.State("ask_two"):
            m.d.comb += [
                self.m_axi_arvalid.eq(1),
                self.m_axi_arid.eq(half & ~self._alike),
                self.m_axi_araddr.eq(Mux(half, self._registers[1], self._registers[0])),
                self.m_axi_arlen.eq(7),
            ]
            with m.If(self.m_axi_arready):
                m.d.axi += at.eq(Mux(half, 0, 1))
                with m.If(half):
                    m.next = "read_two"
        with m.State("read_two"):
            m.d.comb += self.m_axi_rready.eq(1)
            with m.If(self.m_axi_rvalid):
                m.d.axi += [self._order.eq(self._order << 1 | word[0]), at.eq(at + 1)]
                m.d.axi += place[word[0]].eq(place[word[0]] + 1)
                m.d.axi += self._errors.eq(self._errors + strange)
                with m.If(at == 15):
                    m.d.axi += at.eq(0)
                    m.next = "write_two"
        with m.State("write_two"):
            m.d.comb += [
                self.m_axi_awvalid.eq(at < 2),
                self.m_axi_awid.eq(half & ~self._alike),
                self.m_axi_awaddr.eq(Mux(half, self._registers[1], self._registers[0])),
                self.m_axi_awlen.eq(0),
                self.m_axi_wvalid.eq(at >= 2),
                self.m_axi_wlast.eq(1),
                self.m_axi_wstrb.eq(0xFF),
            ]
            with m.If(Mux(at < 2, self.m_axi_awready, self.m_axi_wready)):
                m.d.axi += at.eq(at + 1)
                with m.If(at == 3):
                    m.d.axi += at.eq(0)
                    m.next = "answered_two"
        with m.State("answered_two"):
            m.d.comb += self.m_axi_bready.eq(1)
            with m.If(self.m_axi_bvalid):
                m.d.axi += [self._order.eq(self._order << 1 | self.m_axi_bid[0]), at.eq(at + 1)]
                with m.If(at == 1):
                    m.d.axi += self._done.eq(1)
                    m.next = "idle"

    def _copy(self, m):
        words = Array(Signal(64, name=f"word_{n}") for n in range(LONGEST))
        source, target, count = (self._registers[n] for n in range(3))
        at, tick = Signal(range(LONGEST + 1)), Signal()
        m.d.axi += tick.eq(~tick)
        for each, address in ((("ar"), source), (("aw"), target)):
            m.d.comb += [
                getattr(self, f"m_axi_{each}addr").eq(address),
                getattr(self, f"m_axi_{each}len").eq(count - 1),
                getattr(self, f"m_axi_{each}size").eq(Mux(self._breaks("size"), 2, 3)),
                getattr(self, f"m_axi_{each}burst").eq(Mux(self._breaks("burst"), 2, 1)),
            ]
        with m.If(self._breaks("payload")):
            m.d.comb += self.m_axi_arid.eq(tick)
        with m.FSM(domain="axi"):
            with m.State("idle"):
                m.d.axi += at.eq(0)
                with m.If(self._go):
                    m.next = "ask"
                    with m.If(self._two):
                        m.next = "ask_two"
            self._both(m, at)
            with m.State("ask"):
                m.d.comb += self.m_axi_arvalid.eq(tick | ~self._breaks("valid"))
                with m.If(self.m_axi_arready & self.m_axi_arvalid):
                    m.next = "read"
            with m.State("read"):
                m.d.comb += self.m_axi_rready.eq(1)
                with m.If(self.m_axi_rvalid):
                    m.d.axi += [words[at].eq(self.m_axi_rdata), at.eq(at + 1)]
                    m.d.axi += self._errors.eq(self._errors + self.m_axi_rresp.any())
                    with m.If(self.m_axi_rlast):
                        m.d.axi += at.eq(0)
                        m.next = "address"
            with m.State("address"):
                m.d.comb += self.m_axi_awvalid.eq(1)
                with m.If(self.m_axi_awready):
                    m.next = "write"
            with m.State("write"):
                last = at == count - Mux(self._breaks("wlast"), 2, 1)
                m.d.comb += [
                    self.m_axi_wvalid.eq(1),
                    self.m_axi_wdata.eq(words[at]),
                    self.m_axi_wlast.eq(last),
                    self.m_axi_wstrb.eq(0xFF),
                ]
                with m.If((at == 0) & ~self._breaks("strobes")):
                    m.d.comb += self.m_axi_wstrb.eq(0xFF << target[:3])
                with m.If(self.m_axi_wready):
                    m.d.axi += at.eq(at + 1)
                    with m.If(last):
                        m.next = "answered"
            with m.State("answered"):
                m.d.comb += self.m_axi_bready.eq(1)
                with m.If(self.m_axi_bvalid):
                    m.d.axi += self._errors.eq(self._errors + self.m_axi_bresp.any())
                    m.d.axi += self._done.eq(1)
                    m.next = "idle"
