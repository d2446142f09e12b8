"""What can go wrong on the bus, everywhere: errors at every beat, resets at random times, wrong
commands; after each the next job is right, and nothing was written beside the result.
"""

import numpy as np
import pytest

from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.errors import CommandError, DeviceError
from gemmule.gen.simulation.axi import AxiMemory
from gemmule.golden.soc.commands import Cause
from gemmule.golden.systolic.gemm import gemm

from .rtl import BASE, CONFIGURATIONS, MORE, board

PAUSES = ("pause_ar", "pause_r", "pause_aw", "pause_w", "pause_b", "pause_lite")

SLAVE = {False: Cause.READ_SLAVE, True: Cause.WRITE_SLAVE}
DECODE = {False: Cause.READ_DECODE, True: Cause.WRITE_DECODE}

names = pytest.mark.parametrize(
    "name", [*CONFIGURATIONS, *(pytest.param(each, marks=pytest.mark.full) for each in MORE)]
)


class Case:
    """A product whose operands lie in the middle of noise, and what must become of it."""

    def __init__(self, name: str, bus, seed: int):
        params = (CONFIGURATIONS | MORE)[name]
        formats = params.x_format, params.w_format
        self.rng = np.random.default_rng(seed)
        self.bus = bus
        self.acc = Accelerator(bus)
        m, n, k = 9, 7, 12
        a, b = (
            self.rng.integers(fmt.low, fmt.high + 1, shape)
            for fmt, shape in zip(formats, [(m, k), (k, n)], strict=True)
        )
        scale = {"multiplier": self.rng.integers(1, 99, n), "shift": [14], "bias": np.arange(n)}
        self.weights = self.acc.weights(b, **scale)
        self.left = self.acc.alloc((m, k), formats[0].dtype)
        self.left.array[...] = a
        self.c = self.acc.alloc((m + 4, 29), np.int8)
        self.out = self.c.array[2:-2, 5 : 5 + n]
        kinds = {"a_format": formats[0], "b_format": formats[1], "acc_width": params.acc_width}
        self.want = gemm(a, b, **kinds, **scale)
        self.rings = self.acc.queue._completions
        self.rest = slice(self.rings._offset + self.rings.array.nbytes, None)

    def fill(self) -> np.ndarray:
        """Put noise around and into the result; return all memory behind the rings."""
        self.c.array[...] = self.rng.integers(-128, 128, self.c.array.shape)
        return self.bus.memory[self.rest].copy()

    def check_guards(self, before: np.ndarray) -> None:
        """Nothing but the result may have changed."""
        first = self.c._offset - self.rest.start
        length = self.c.array.nbytes
        c = before[first : first + length].view(np.int8).reshape(self.c.array.shape)
        c[2:-2, 5 : 5 + self.out.shape[1]] = self.out
        np.testing.assert_array_equal(self.bus.memory[self.rest], before)

    def is_operand(self, address: int, write: bool) -> bool:
        """Tell whether a beat at an address may be of this product's result, or of its operands."""
        beat = self.acc.hardware.data_width // 8
        operands = [self.left, self.weights.b, *self.weights.records]
        spans = [(each.address, each.array.nbytes) for each in ([self.c] if write else operands)]
        return any(
            start // beat <= address // beat <= (start + size - 1) // beat for start, size in spans
        )

    def run(self) -> None:
        """Run the product; it must be right."""
        before = self.fill()
        got = self.acc.gemm(self.left, self.weights, out=self.out)
        np.testing.assert_array_equal(got, self.want)
        self.check_guards(before)


@names
@pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
def test_an_error_at_every_beat(name, write):
    with board(name, AxiMemory(base=BASE, latency=7), seed=4) as bus:
        case = Case(name, bus, 21)
        counted = "write_beats" if write else "read_beats"
        before = getattr(bus.counters(), counted)
        case.run()
        beats = getattr(bus.counters(), counted) - before
        assert beats > 5
        causes = set()
        for beat in range(beats):
            decode = bool(beat % 2)
            bus.set(**dict.fromkeys(PAUSES, 0.3 * (beat % 3 == 0)))
            memory = case.fill()
            bus.fault(write=write, decode=decode, beat=beat)
            with pytest.raises((CommandError, DeviceError)) as caught:
                case.acc.gemm(case.left, case.weights, out=case.out, timeout=1e-4)
            error = caught.value
            assert error.cause is (DECODE if decode else SLAVE)[write]
            case.check_guards(memory)
            causes.add(type(error))
            if isinstance(error, DeviceError):
                assert error.unit == (255 if write else 254)
                rings = case.acc.queue
                ring = rings._completions if write else rings._commands
                assert 0 <= error.address - ring.address < ring.array.nbytes
                case.acc.reset()
            else:
                assert case.is_operand(error.address, write)
            case.run()
        assert causes == {CommandError, DeviceError}


@names
def test_resets_at_random_times(name):
    with board(name, seed=9) as bus:
        case = Case(name, bus, 22)
        for turn in range(30):
            latency = int(case.rng.integers(1, 500)) if turn % 5 == 0 else 20
            bus.set(latency=latency, **dict.fromkeys(PAUSES, 0.4 * (turn % 2)))
            before = case.fill()
            jobs = [
                case.acc.submit(case.left, case.weights, out=case.out)
                for _ in range(int(case.rng.integers(1, 4)))
            ]
            bus.run(int(case.rng.integers(0, 1200)))
            case.acc.reset()
            assert all(job.done for job in jobs)
            assert bus.counters().idle
            case.check_guards(before)
            case.run()
