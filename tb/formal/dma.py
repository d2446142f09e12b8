"""Claims on the DMAs: what AXI asks of a manager, and that nothing is lost."""

from amaranth import Cat, Mux, Signal, Value

from gemmule.hw.soc.bus.axi import BLOCK_BYTES
from gemmule.hw.soc.dma.burst import burst_layout
from gemmule.hw.soc.dma.parts.arbiter import granted
from gemmule.hw.soc.dma.read import ReadDma
from gemmule.hw.soc.dma.request import request_layout
from gemmule.hw.soc.dma.write import WriteDma
from gemmule.hw.soc.dma.write_bursts import sent_layout

from .prove import Claims

__all__ = ["read_dma", "write_dma"]


def _inside_a_block(claims: Claims, valid: Value, address: Value, length: Value, size: int) -> None:
    first = address[: (BLOCK_BYTES - 1).bit_length()]
    claims.holds(~valid | (address[: (size - 1).bit_length()] == 0))
    claims.holds(~valid | (first + length * size < BLOCK_BYTES))


def _under_way(claims: Claims, path: str, depth: int) -> Signal:
    """Claim that the queue at ``path`` counts right; return how many are in it."""
    head, tail, level, room, empty = (
        claims.inside(f"{path}.{name}") for name in ("head", "tail", "level", "room", "empty")
    )
    claims.holds(level <= depth)
    claims.holds((head - tail)[: len(head)] == level[: len(head)])
    claims.holds((room == (level != depth)) & (empty == (level == 0)))
    return level


def read_dma(claims: Claims, dma: ReadDma) -> None:
    """Claim that AR stands, that bursts keep in their block, and that each beat has its place."""
    m, axi = claims.m, dma.axi
    size, channels = dma.data_width // 8, len(dma.vectors)
    claims.stands(
        axi.arvalid, axi.arready, axi.araddr, axi.arlen, axi.arcache, axi.arprot, axi.arqos
    )
    _inside_a_block(claims, axi.arvalid, axi.araddr, axi.arlen, size)

    # Every request has a byte; then what is left of one ends after the place of its next burst.
    for n in range(channels):
        request = getattr(dma, f"request_{n}")
        claims.assume(~request.valid | (request.payload.length != 0))
    taken = granted(request_layout(dma.address_width), channels)(
        claims.inside("arbiter.o__payload")
    )
    claims.holds(~claims.inside("arbiter.o__valid") | (taken.request.length != 0))
    end, blocks, at = (claims.inside(f"cutter.{name}") for name in ("end", "blocks", "at"))
    place = at << (size - 1).bit_length()
    claims.holds(~claims.inside("cutter.holds") | (Cat(end, blocks) > place))

    # The memory answers what it was asked for: so many beats it still owes.
    asked, came = axi.arvalid & axi.arready, axi.rvalid & axi.rready
    owes = Signal(range(256 * dma.under_way + 1), name="owes")
    m.d.sync += owes.eq(owes + Mux(asked, axi.arlen + 1, 0) - came)
    claims.assume(~axi.rvalid | (owes != 0))
    level = _under_way(claims, "bursts", dma.under_way)
    layout = burst_layout(dma.address_width, dma.data_width, channels)
    rows = claims.rows("bursts.entries", layout)
    tail, beats = claims.inside("bursts.tail"), claims.inside("beats")
    expected = Value.cast(0)
    for n in range(dma.under_way):
        row = _pick(rows, tail + n, lambda row: row.length)
        expected = expected + Mux(level > n, row + 1, 0)
    offered = Mux(axi.arvalid, axi.arlen + 1, 0)
    claims.holds(owes + offered + beats == expected)
    claims.holds(Mux(level != 0, beats <= _pick(rows, tail, lambda row: row.length), beats == 0))
    claims.holds(~dma.idle | ((owes == 0) & ~axi.arvalid))
    # What is taken from the bus goes on, or is thrown away by a stop.
    claims.holds(~came | claims.inside("words.take") | claims.inside("clear"))


def write_dma(claims: Claims, dma: WriteDma) -> None:
    """Claim that AW and W stand, that WLAST and AWLEN agree, and that each answer has its burst."""
    axi, size = dma.axi, dma.data_width // 8
    claims.stands(
        axi.awvalid, axi.awready, axi.awaddr, axi.awlen, axi.awcache, axi.awprot, axi.awqos
    )
    claims.stands(axi.wvalid, axi.wready, axi.wdata, axi.wstrb, axi.wlast)
    _inside_a_block(claims, axi.awvalid, axi.awaddr, axi.awlen, size)
    _words(claims, dma, _lengths(claims, dma))
    _answers(claims, dma)


def _lengths(claims: Claims, dma: WriteDma) -> tuple[list[Signal], Signal, Signal]:
    """Follow the bursts whose words have not all gone: their AWLEN, how many, and words gone."""
    m, axi = claims.m, dma.axi
    lengths = [Signal(8, name=f"length_{n}") for n in range(2 * dma.longest)]
    bursts, gone = Signal(range(2 * dma.longest + 1)), Signal(8)
    # AWVALID after a cycle without, or after one in which the address before it was taken.
    free, begins = Signal(init=1), Signal()
    m.d.comb += begins.eq(axi.awvalid & free)
    m.d.sync += free.eq(~axi.awvalid | axi.awready)
    seen = [Signal(8, name=f"seen_{n}") for n in range(len(lengths))]
    count = Signal(range(len(lengths) + 1))
    m.d.comb += count.eq(bursts + begins)
    for n, each in enumerate(seen):
        m.d.comb += each.eq(Mux(begins & (bursts == n), axi.awlen, lengths[n]))
    word = axi.wvalid & axi.wready
    ends = word & axi.wlast
    m.d.sync += [bursts.eq(count - ends), gone.eq(Mux(ends, 0, gone + word))]
    for n, each in enumerate(lengths):
        m.d.sync += each.eq(Mux(ends, seen[n + 1] if n + 1 < len(seen) else 0, seen[n]))
    # W never comes before its AW was offered, and its last word is the one that AWLEN says.
    claims.holds(~axi.wvalid | ((count != 0) & (axi.wlast == (gone == seen[0]))))
    claims.holds(Mux(count != 0, gone <= seen[0], gone == 0))
    # Within the limits of the model; `bursts` is the number of those before this cycle.
    claims.holds(bursts + begins <= len(lengths))
    return seen, count, gone


def _words(claims: Claims, dma: WriteDma, followed: tuple[list[Signal], Signal, Signal]) -> None:
    """Claim that the queue of words holds what the bursts that were offered say of it."""
    lengths, count, gone = followed
    depth = 2 * dma.longest
    head, complete, tail = (claims.inside(f"bursts.{n}") for n in ("head", "complete", "tail"))
    bits = len(head)
    level, offered, pending = (
        (a - b)[:bits] for a, b in ((head, tail), (complete, tail), (head, complete))
    )
    claims.holds((level <= depth) & (offered <= level) & (pending < dma.longest))
    begins, begun = claims.inside("bursts.begins"), claims.inside("bursts.begun")
    number, fresh = claims.inside("place.number"), claims.inside("place.fresh")
    there = claims.inside("place.holds")
    claims.holds(begins == (pending == 0))
    claims.holds(begins | (there & ~fresh & (number[: len(begun)] == begun + pending)))
    claims.holds(~there | ~fresh | begins)
    ends, total = [], Value.cast(0)
    for n, length in enumerate(lengths):
        total = total + Mux(count > n, length + 1, 0)
        ends.append((count > n, total))
    claims.holds(offered + gone == total)
    rows = claims.rows("bursts.words")
    for n in range(depth):
        last = _pick(rows, tail + n, lambda row: row[-1])
        right = Cat(valid & (total == n + gone + 1) for valid, total in ends).any()
        claims.holds((n >= level) | (last == ((n < offered) & right)))


def _answers(claims: Claims, dma: WriteDma) -> None:
    """Claim that bursts and requests are answered once each; the latter but for a stop."""
    m, axi = claims.m, dma.axi
    level = _under_way(claims, "sent", dma.under_way)
    sent, answered = Signal(8, name="bursts_sent"), axi.bvalid & axi.bready
    offered = claims.inside("bursts.send")
    m.d.sync += sent.eq(sent + offered - answered)
    claims.holds((sent == level) & (~axi.bready | (sent != 0)))
    claims.holds(~dma.idle | ((sent == 0) & ~axi.awvalid & ~axi.wvalid))

    stopped, stopping = Signal(name="was_stopped"), claims.inside("stopped")
    m.d.sync += stopped.eq(stopped | dma.stop)
    claims.holds(stopped | ~stopping)
    asked, done = Value.cast(0), Value.cast(0)
    for n in range(len(dma.vectors)):
        request = getattr(dma, f"request_{n}")
        asked = asked + (request.valid & request.ready)
        done = done + getattr(dma, f"done_{n}").valid
    unanswered = Signal(8, name="unanswered")
    m.d.sync += unanswered.eq(unanswered + asked - done)
    layout = sent_layout(dma.address_width, len(dma.vectors))
    rows, tail = claims.rows("sent.entries", layout), claims.inside("sent.tail")
    inside = claims.inside("arbiter.o__valid") + claims.inside("place.holds")
    for n in range(dma.under_way):
        inside = inside + ((level > n) & _pick(rows, tail + n, lambda row: row.final))
    claims.holds(stopped | dma.stop | (unanswered == inside + done))


def _pick(rows: list, index: Value, field) -> Value:
    found = field(rows[0])
    for n, row in enumerate(rows[1:], 1):
        found = Mux((index % len(rows)) == n, field(row), found)
    return found
