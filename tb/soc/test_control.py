"""Control behind its registers: commands from the ring and from registers, to their ends."""

from gemmule.tb.soc.control_bench import Bench

GEMM = {
    "opcode": 1,
    "version": 1,
    "m": 4,
    "n": 4,
    "k": 4,
    "a": 0x1000,
    "b": 0x2000,
    "c": 0x3000,
    "settings": 0x4000,
    "a_stride": 4,
    "b_stride": 4,
    "c_stride": 4,
}


def test_from_the_doorbell_to_the_unit():
    bench = Bench()

    async def test(ctx):
        await bench.begin(ctx)
        await bench.submit(ctx, [{**GEMM, "sequence": 7}])
        await bench.until(ctx, "COMPLETED", 1)

    bench.run(test)
    # A request, 5 cycles, and 4 vectors are the memory's; all else is control's.
    assert bench.at[0] - bench.written_at - (1 + bench.latency + 3) <= 23
    assert bench.taken[0] == {**dict.fromkeys(bench.taken[0], 0), **GEMM, "sequence": 7}
    assert [record["sequence"] for _address, record in bench.records] == [7]
