"""Layers by the driver on the RTL: all geometries, by turns with products, behind errors."""

from contextlib import suppress

import numpy as np
import pytest

from gemmule.gen.driver.errors import CommandError, DriverError
from gemmule.gen.simulation.axi import AxiMemory
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.soc.commands import Cause
from gemmule.golden.systolic.gemm import gemm
from gemmule.tb.conv.cases import runs
from gemmule.tb.conv.test_convolution import VOLUMES
from gemmule.tb.soc.driver.test_convolution import asked, golden

from .common import made
from .rtl import BASE, CONFIGURATIONS, opened

SMALL = Geometry(batch=1, channels=5, filters=6, size=(6, 7), kernel=(3, 3), padding=1)
"""A layer of few tiles each way."""


def is_right(acc, layer) -> None:
    """Compare a layer of :data:`SMALL` with what it should be, after whatever was before."""
    options, arrays = layer
    got = acc.conv2d(**arrays, **asked(options))
    np.testing.assert_array_equal(got, golden(options, SMALL, arrays))


def covers(name: str, first: int, step: int, memory: AxiMemory | None = None) -> None:
    """Run every ``step``-th layer of the covering set on one accelerator."""
    params = CONFIGURATIONS[name].layer
    with opened(name, memory) as acc:
        for seed, (geometry, run) in enumerate(runs()):
            if seed % step != first:
                continue
            op, method = run.pop("job")
            run.pop("stall")
            options, arrays = made(params, geometry, op=op, method=method, seed=seed, **run)
            got = acc.conv2d(**arrays, **asked(options))
            np.testing.assert_array_equal(got, golden(options, geometry, arrays))


def test_layers_of_the_covering_set():
    covers("4x4", 1, 3)


def test_layers_whose_lanes_are_wider_than_elements():
    """Bytes without a sign beside gradients with one, commands by registers, a slow memory."""
    covers("wide lanes", 3, 8, AxiMemory(base=BASE, latency=90, pause_r=0.3, pause_aw=0.5))


@pytest.mark.full
@pytest.mark.parametrize("name", ["4x4", "wide lanes"])
def test_all_layers_of_the_covering_set(name):
    covers(name, 0, 1, AxiMemory(base=BASE, latency=40, pause_r=0.2, pause_w=0.2))


def test_volumes():
    params = CONFIGURATIONS["volumes"].layer
    with opened("volumes") as acc:
        for seed, geometry in enumerate(VOLUMES):
            op = ("forward", "transposed")[seed % 2]
            options, arrays = made(params, geometry, op=op, scaling="column", seed=seed)
            got = acc.conv3d(**arrays, **asked(options))
            np.testing.assert_array_equal(got, golden(options, geometry, arrays))


def test_one_array_by_turns():
    """Layers, products and sums of vectors, all handed over before the first is waited for."""
    params, rng = CONFIGURATIONS["4x4"].layer, np.random.default_rng(5)
    jobs = []
    with opened("4x4") as acc:
        for n in range(24):
            kind = rng.integers(4)
            if kind == 0:
                op = ("forward", "input_grad", "weight_grad")[n % 3]
                options, arrays = made(params, SMALL, op=op, scaling="column", seed=n)
                job = acc.jobs.conv2d(**arrays, **asked(options))
                jobs.append((job, golden(options, SMALL, arrays)))
            elif kind == 3:
                a, b = rng.integers(-60, 60, (2, 7, 9), np.int8)
                jobs.append((acc.jobs.add(a, b), a + b))
            else:
                m, k, n_ = rng.integers(1, 40, 3)
                a, b = rng.integers(-128, 128, (m, k)), rng.integers(-128, 128, (k, n_))
                jobs.append((acc.submit(a, b), gemm(a, b)))
        for job, wanted in jobs:
            np.testing.assert_array_equal(job.result(), wanted)


@pytest.mark.parametrize("op", ["forward", "weight_grad"])
def test_an_error_at_any_beat(op):
    """The layer ends with the cause, memory owes nothing then, and the next layer is right."""
    params = CONFIGURATIONS["4x4"].layer
    layer = made(params, SMALL, op=op, scaling="column", zeros=True)
    options, arrays = layer
    with opened("4x4") as acc:
        bus = acc.bus
        before = bus.counters()
        is_right(acc, layer)
        after = bus.counters()
        for write, name in ((False, "read_beats"), (True, "write_beats")):
            beats = getattr(after, name) - getattr(before, name)
            causes = set()
            for beat in sorted({*range(0, beats, max(beats // 25, 1)), beats - 1}):
                bus.fault(write=write, decode=bool(beat % 2), beat=beat)
                try:
                    acc.conv2d(**arrays, **asked(options))
                except CommandError as error:
                    causes.add(error.cause)
                except DriverError:  # of the ring, or of a completion
                    acc.reset()
                bus.no_faults()
                is_right(acc, layer)
            reads, writes = (
                {Cause.READ_SLAVE, Cause.READ_DECODE},
                {Cause.WRITE_SLAVE, Cause.WRITE_DECODE},
            )
            assert causes <= (writes if write else reads)
            assert causes


def test_a_reset_at_any_time():
    """What was under way is gone; products and layers that follow are right."""
    params, rng = CONFIGURATIONS["4x4"].layer, np.random.default_rng(8)
    layer = made(params, SMALL, op="input_grad", scaling="tensor")
    options, arrays = layer
    a, b = rng.integers(-128, 128, (2, 9, 9))
    with opened("4x4") as acc:
        for cycles in rng.integers(0, 1500, 25):
            job = acc.jobs.conv2d(**arrays, **asked(options))
            other = acc.submit(a, b)
            acc.bus.run(int(cycles))
            acc.reset()
            for each in (job, other):
                with suppress(DriverError):
                    each.result()
            np.testing.assert_array_equal(acc.gemm(a, b), gemm(a, b))
            is_right(acc, layer)
