"""The registers as a component, made of the elaborated description."""

from collections.abc import Mapping

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .bus.lite import AxiLiteSignature
from .register_map import PAGE, Field, Register, register_map

__all__ = ["Registers", "control_signature", "place_signature"]

WORD = 32

OKAY, SLVERR = 0, 2


def place_signature(words: int) -> wiring.Signature:
    """Describe the port to a memory that holds registers.

    While ``read``, ``read_data`` is the word's value, or ``wait`` is 1. ``write`` writes the bytes
    of ``data`` that have ``strobes``.
    """
    return wiring.Signature({
        "read": Out(1),
        "write": Out(1),
        "word": Out(range(words)),
        "write_word": Out(range(words)),
        "data": Out(WORD),
        "strobes": Out(WORD // 8),
        "read_data": In(WORD),
        "wait": In(1),
    })


def control_signature(address_width: int) -> wiring.Signature:
    """Describe what the registers tell and are told, as a signature of theirs.

    For each register that is neither constant nor in a memory there is a member of its name in
    lower case, and in it a member for each field. ``rw`` and ``strobe``: Out, a strobe is 1 for the
    cycle after its write. ``ro``: In. ``w1c``: Out, In ``<field>_set``, which goes first, and Out
    ``<field>_cleared``: software clears it now. Fields that hardware clears have In
    ``<field>_clear``. The words of each memory have a :func:`place_signature`.
    """
    members = {}
    for register in register_map().values():
        if not register.constant and not register.place and register.name != ACCESS:
            fields = _members(register, address_width)
            if fields:
                members[register.name.lower()] = Out(wiring.Signature(fields))
    for place, words in _places().items():
        members[place] = Out(place_signature(1 << (len(words) - 1).bit_length()))
    return wiring.Signature(members)


ACCESS = "ACCESS"
"""The register that holds the address of an access without a register: written in here."""


class Registers(wiring.Component):
    """The page of registers that `registers.rdl` describes, on AXI4-Lite.

    Accesses to addresses without a register read 0 or are ignored, are kept in ``ACCESS``, and are
    answered by OKAY, or by SLVERR where ``slverr`` is set. Writes to what is not writable are
    ignored. AWPROT and ARPROT are ignored, the low two bits of addresses as well.

    Latency: a register changes, and a strobe is 1, in the cycle after W's transfer, which is one
    cycle after AW's at the earliest; B is offered in the same cycle. R is offered two cycles after
    AR's transfer; later by up to the 80 cycles that counters may take. Throughput: a write in two
    cycles, a read in two. Back-pressure: an address is taken at once where none is held, AW before
    W; nothing waits for the accelerator.

    Parameters
    ----------
    address_width : int
        Of the memory bus, 32 to 64: ``narrow`` fields have the bits that are left above 32.
    constants : Mapping[str, int]
        A value for each constant register.
    slverr : bool
        Errors are told on the bus, too: on Zynq, a system error for a processor that writes.

    Members
    -------
    bus : In(AXI4-Lite, 12 bits of address)
    control : Out(:func:`control_signature`)
    """

    def __init__(self, *, address_width: int, constants: Mapping[str, int], slverr: bool = False):
        wanted = {each.name for each in register_map().values() if each.constant}
        if wanted != set(constants):
            raise ValueError(f"constants differ in {', '.join(sorted(wanted ^ set(constants)))}")
        self.address_width = address_width
        self._constants, self._slverr = dict(constants), slverr
        super().__init__({
            "bus": In(AxiLiteSignature(address_width=PAGE, data_width=WORD)),
            "control": Out(control_signature(address_width)),
        })

    def elaborate(self, platform):
        m = Module()
        self._bad = {kind: Signal(name=f"bad_{kind}") for kind in ("read", "write")}
        self._write_side(m)
        words = {each.name: self._word(m, each) for each in register_map().values()}
        self._read_side(m, words)
        self._access(m)
        return m

    def _write_side(self, m: Module) -> None:
        """Take an address, then data; answer."""
        bus = self.bus
        held, self._written = Signal(name="aw_held"), Signal(PAGE - 2, name="aw_word")
        self._write = Signal(name="write")
        m.d.comb += [
            bus.awready.eq(~held),
            bus.wready.eq(held & ~bus.bvalid),
            self._write.eq(bus.wvalid & bus.wready),
            self._bad["write"].eq(self._write & ~_known(self._written)),
        ]
        with m.If(bus.awvalid & bus.awready):
            m.d.sync += [held.eq(1), self._written.eq(bus.awaddr[2:])]
        with m.Elif(self._write):
            m.d.sync += held.eq(0)
        with m.If(self._write):
            m.d.sync += [bus.bvalid.eq(1), bus.bresp.eq(self._answer("write"))]
        with m.Elif(bus.bready):
            m.d.sync += bus.bvalid.eq(0)

    def _read_side(self, m: Module, words: Mapping[str, Value]) -> None:
        """Take an address; offer the word."""
        bus = self.bus
        held, word = Signal(name="ar_held"), Signal(PAGE - 2, name="ar_word")
        value, wait = Signal(WORD, name="value"), Signal(name="wait")
        self._read = word
        go = Signal(name="read")
        m.d.comb += [
            bus.arready.eq(~held),
            go.eq(held & ~bus.rvalid & ~wait),
            self._bad["read"].eq(go & ~_known(word)),
        ]
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += [held.eq(1), word.eq(bus.araddr[2:])]
        with m.Elif(go):
            m.d.sync += held.eq(0)
        with m.If(go):
            m.d.sync += [
                bus.rvalid.eq(1),
                bus.rdata.eq(value),
                bus.rresp.eq(self._answer("read")),
            ]
        with m.Elif(bus.rready):
            m.d.sync += bus.rvalid.eq(0)
        with m.Switch(word):
            for register in register_map().values():
                if not register.place:
                    with m.Case(register.address >> 2):
                        m.d.comb += value.eq(words[register.name])
            for place, held_words in _places().items():
                port = self._port(m, place, held_words, held & ~bus.rvalid, word)
                with m.Case(*(each.address >> 2 for each in held_words)):
                    m.d.comb += [port.read.eq(held & ~bus.rvalid), wait.eq(port.wait)]
                    if held_words[0].fields[0].kind != "wo":
                        m.d.comb += value.eq(port.read_data)

    def _port(
        self, m: Module, place: str, words: list[Register], read: Value, word: Value
    ) -> wiring.PureInterface:
        """Join the port to a memory, all but its ``read``."""
        port = getattr(self.control, place)
        size = len(port.word)
        m.d.comb += [
            port.word.eq(word[:size]),
            port.write_word.eq(self._written[:size]),
            port.write.eq(self._write & (self._written[size:] == words[0].address >> size + 2)),
            port.data.eq(self.bus.wdata),
            port.strobes.eq(self.bus.wstrb),
        ]
        return port

    def _word(self, m: Module, register: Register) -> Value:
        """Make a register; return what a read gives."""
        if register.constant:
            return Const(self._constants[register.name], WORD)
        if register.place:
            return Const(0, WORD)
        hit = Signal(name=f"write_{register.name.lower()}")
        m.d.comb += hit.eq(self._write & (self._written == register.address >> 2))
        word = Signal(WORD, name=f"word_{register.name.lower()}")
        for field in register.fields:
            width = _width(field, self.address_width)
            if width and register.name == ACCESS:
                name = f"access_{field.name}"
                setattr(self, f"_{name}", Signal(width, name=name))
                m.d.comb += word[field.low :][:width].eq(getattr(self, f"_{name}"))
            elif width:
                read = self._field(m, register, field, width, hit)
                m.d.comb += word[field.low :][:width].eq(read)
        return word

    def _field(self, m: Module, register: Register, field: Field, width: int, hit: Value) -> Value:
        """Make a field; return what a read gives."""
        port = getattr(self.control, register.name.lower()) if field.seen else None
        if field.kind == "ro":
            return getattr(port, field.name)
        name = f"{register.name}_{field.name}".lower()
        value = getattr(port, field.name) if port else Signal(width, name=name)
        kept = Signal(width, name=f"{name}_kept", init=field.reset)
        data = self.bus.wdata[field.low :][:width]
        lanes = Cat(self.bus.wstrb[(field.low + bit) // 8] for bit in range(width))
        m.d.comb += value.eq(kept)
        if field.kind == "strobe":
            m.d.sync += kept.eq(data & lanes & hit.replicate(width))
            return Const(0, width)
        if field.kind == "w1c":
            cleared = getattr(port, f"{field.name}_cleared")
            m.d.comb += cleared.eq(data & lanes & hit.replicate(width))
            m.d.sync += kept.eq((kept & ~cleared) | self._set(port, field))
            return kept
        for lane in range(field.low // 8, (field.low + width - 1) // 8 + 1):
            low = max(0, 8 * lane - field.low)
            high = min(width, 8 * lane + 8 - field.low)
            with m.If(hit & self.bus.wstrb[lane]):
                m.d.sync += kept[low:high].eq(data[low:high])
        if field.cleared:
            with m.If(getattr(port, f"{field.name}_clear")):
                m.d.sync += kept.eq(0)
        return kept

    def _set(self, port: wiring.PureInterface, field: Field) -> Value:
        setter = getattr(port, f"{field.name}_set", None)
        return self._bad["read"] | self._bad["write"] if setter is None else setter

    def _access(self, m: Module) -> None:
        """Keep the first bad access until its interrupt flag is cleared."""
        bad = self._bad["read"] | self._bad["write"]
        flag = self.control.irq_status
        with m.If(bad & (~flag.access | flag.access_cleared)):
            word = Mux(self._bad["write"], self._written, self._read)
            m.d.sync += [
                self._access_address.eq(Cat(Const(0, 2), word)),
                self._access_write.eq(self._bad["write"]),
            ]
        with m.Elif(flag.access_cleared):
            m.d.sync += [self._access_address.eq(0), self._access_write.eq(0)]

    def _answer(self, kind: str) -> Value:
        return Mux(self._bad[kind], SLVERR, OKAY) if self._slverr else Const(OKAY, 2)


def _members(register: Register, address_width: int) -> dict[str, wiring.Member]:
    members = {}
    for field in register.fields:
        width = _width(field, address_width)
        if not width or not field.seen:
            continue
        members[field.name] = In(width) if field.kind == "ro" else Out(width)
        if field.cleared:
            members[f"{field.name}_clear"] = In(1)
        if field.kind == "w1c":
            members[f"{field.name}_cleared"] = Out(width)
            if field.name != ACCESS.lower():
                members[f"{field.name}_set"] = In(width)
    return members


def _width(field: Field, address_width: int) -> int:
    return min(field.width, address_width - WORD) if field.narrow else field.width


def _places() -> dict[str, list[Register]]:
    """Return the words of each memory."""
    places: dict[str, list[Register]] = {}
    for register in register_map().values():
        if register.place:
            places.setdefault(register.place, []).append(register)
    return places


def _known(word: Value) -> Value:
    """Tell whether there is a register."""
    return word.matches(*(each.address >> 2 for each in register_map().values()))
