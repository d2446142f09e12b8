"""Claims on what counts in a product: nothing outgrows its place, and no job's end is lost."""

from amaranth import Array, Signal

from gemmule.golden.systolic.limits import COMMANDS
from gemmule.hw.soc.product.layouts import JOBS
from gemmule.hw.soc.product.ledger import Ledger
from gemmule.hw.systolic.command import CommandQueue, packets
from gemmule.hw.systolic.sequencer import Sequencer

from .prove import Claims

__all__ = ["command_queue", "ledger", "result_room"]


def command_queue(claims: Claims, dut: CommandQueue) -> None:
    """Claim that a place is free before a command has it, and each command ends once.

    The readers take what is there, and end what they took.
    """
    tail = claims.inside("tail")

    def behind(name: str) -> Signal:
        distance = Signal(len(tail), name=f"{name}_behind")
        claims.m.d.comb += distance.eq(claims.inside(name) - tail)
        return distance

    taken, head = behind("taken"), behind("head")
    claims.holds((taken <= COMMANDS) & (head <= taken))
    claims.holds(taken == head + claims.inside("put_1") + claims.inside("put_2"))
    for number, (name, reader) in enumerate(zip(packets(dut.params), dut.readers, strict=True)):
        place, ended = behind(f"place_{number}"), behind(f"ended_{name}")
        claims.assume(~reader.take | reader.valid)
        claims.assume(~reader.done | (ended != place))
        claims.holds((place <= head) & (ended <= place))


def result_room(claims: Claims, dut: Sequencer) -> None:
    """Claim that results under way have room, if no more come back than went."""
    capacity, m = dut.params.capacity, claims.m
    going = Signal(range(capacity + dut.params.rows + 1), name="going")
    m.d.sync += going.eq(going + dut.completed - dut.returned)
    claims.assume(~dut.returned | (going != 0))
    claims.assume(dut.a_at.height <= dut.params.rows)
    claims.holds(going + claims.inside("room") == capacity)


def ledger(claims: Claims, dut: Ledger) -> None:
    """Claim that an answer is told of its own job, and that each job is told of once, when it ends.

    Jobs may have no request; what is answered was asked for in a cycle before; a number is used
    again when its job was told of.
    """
    m = claims.m
    owner, told, known = (claims.inside(name) for name in ("owner", "oldest", "known"))
    asked, answered = claims.inside("asked"), claims.inside("answered")
    # Jobs are counted on; `left` is what each has asked for that is not answered.
    asking = Signal(range(2 * JOBS), name="asking")
    left = Array(Signal(len(asked), name=f"left_{n}") for n in range(JOBS))
    m.d.sync += asking.eq(asking + dut.leaves)
    under_way, open_jobs, ended_jobs = (
        Signal(range(2 * JOBS), name=name) for name in ("under_way", "open_jobs", "ended_jobs")
    )
    m.d.comb += [
        under_way.eq(asking - told),
        open_jobs.eq(asking - owner),
        ended_jobs.eq(owner - told),
    ]
    claims.assume(dut.leaving == asking[: len(dut.leaving)])
    claims.assume(~(dut.asks | dut.leaves) | (under_way < JOBS))
    waiting = sum(left)
    claims.assume(~dut.answers | (waiting != 0))
    claims.assume(~dut.asks | (waiting < (1 << len(asked)) - 1))
    first = Signal(range(JOBS), name="first")
    m.d.comb += first.eq(told)
    for behind in reversed(range(JOBS)):
        at = (told + behind)[: len(first)]
        with m.If(left[at] != 0):
            m.d.comb += first.eq(at)
        # What `left` says, the ledger's counts say.
        inside = behind < open_jobs
        job = (owner + behind)[: len(first)]
        edge = Array(claims.inside(f"edge_{n}") for n in range(JOBS))[job]
        before = sum(left[(owner + n)[: len(first)]] for n in range(behind + 1))
        claims.holds(~inside | (((edge - answered)[: len(asked)]) == before))
        claims.holds(known.bit_select(job, 1) == inside)
        claims.holds((behind >= ended_jobs) & (behind <= under_way) | (left[at] == 0))
    for n, each in enumerate(left):
        comes = dut.asks & (dut.leaving == n)
        m.d.sync += each.eq(each + comes - (dut.answers & (first == n)))
    claims.holds((under_way <= JOBS) & (ended_jobs <= under_way) & (open_jobs <= under_way))
    claims.holds((asked - answered)[: len(asked)] == waiting)
    claims.holds(waiting < 1 << len(asked))
    for name, count in (("answered", answered), ("asked", asked)):
        claims.holds(claims.inside(f"then_{name}") == (count + 1)[: len(count)])
    claims.holds(~dut.answers | (dut.job == first))
    claims.holds(~dut.over | (left[dut.ended] == 0))
    # The oldest job that is not over has something left, or left in the cycle before.
    fresh = Signal(name="fresh")
    m.d.sync += fresh.eq(dut.leaves)
    claims.holds((open_jobs == 0) | (left[owner[: len(first)]] != 0) | fresh)
