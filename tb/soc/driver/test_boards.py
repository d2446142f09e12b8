"""The driver's ways to a board, each against a fake one that is joined to the golden machine."""

import numpy as np
import pytest

from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.buses.golden import GoldenBus
from gemmule.gen.driver.buses.mapped import Mapping
from gemmule.gen.driver.buses.pynq import PynqBus
from gemmule.gen.driver.errors import DriverTimeout
from gemmule.golden.systolic.gemm import gemm

from .fake_board import FakeBoard

SIZE = 1 << 16


def board(folder, base: int = 0x1000_0000, offset: int = 0) -> FakeBoard:
    """Return a fake board around a golden machine."""
    image = folder / "image"
    image.write_bytes(bytes(offset + SIZE))
    memory = np.memmap(image, np.uint8, "r+", offset)
    return FakeBoard(GoldenBus(memory=memory, base=base), image, folder)


def check(acc: Accelerator) -> None:
    """Try products, a job that never ends, and a reset."""
    rng = np.random.default_rng(11)
    for m, n, k in ((4, 4, 4), (1, 1, 1), (30, 17, 23)):
        a, b = rng.integers(-128, 128, (m, k)), rng.integers(-128, 128, (k, n))
        scale = {"multiplier": rng.integers(0, 999, n), "shift": [14], "bias": np.arange(n)}
        np.testing.assert_array_equal(acc.gemm(a, b, **scale), gemm(a, b, **scale))
    job = acc.submit(a, b, wait=1, wait_value=1)
    with pytest.raises(DriverTimeout):
        job.result(0.05)
    acc.reset()
    np.testing.assert_array_equal(acc.gemm(a, b), gemm(a, b))


@pytest.mark.parametrize("interrupts", [False, True])
def test_uio(tmp_path, interrupts):
    with board(tmp_path) as fake, Accelerator(fake.uio(), interrupts=interrupts) as acc:
        check(acc)
        buffer = acc.alloc(100, np.uint8)
        buffer.for_host(5, 30)
        word = int((tmp_path / "udmabuf0" / "sync_for_cpu").read_text(), 16)
        first = buffer._offset
        # Whole 16 bytes around bytes 5 to 34, both ways, at once.
        assert word == first << 32 | 48 | 1
        buffer.for_device(16, 16)
        word = int((tmp_path / "udmabuf0" / "sync_for_device").read_text(), 16)
        assert word == first + 16 << 32 | 16 | 1


def test_uio_is_coherent_where_told(tmp_path):
    with board(tmp_path) as fake, Accelerator(fake.uio(coherent=True), coherent=True) as acc:
        check(acc)
        assert not (tmp_path / "udmabuf0" / "sync_for_cpu").exists()
        assert acc.page.read("BUS")["read_cache"] == 15


@pytest.mark.parametrize("interrupts", [False, pytest.param(True, marks=pytest.mark.full)])
def test_xdma(tmp_path, interrupts):
    with board(tmp_path, base=4096, offset=4096) as fake:
        bus = fake.xdma()
        assert not np.shares_memory(bus.memory, fake._machine.memory)
        with Accelerator(bus, interrupts=interrupts) as acc:
            check(acc)


def test_pynq(tmp_path):
    with board(tmp_path) as fake:
        bus = PynqBus(fake, fake.allocate, SIZE)
        with Accelerator(bus, interrupts=False) as acc:
            check(acc)


def test_a_mapping_is_of_the_file(tmp_path):
    path = tmp_path / "page"
    path.write_bytes(bytes(range(256)) * 32)
    mapping = Mapping(path, 4096, 4096)
    assert mapping.read32(8) == 0x0B0A0908
    mapping.write32(0x10, 0xFEDCBA98)
    assert path.read_bytes()[4096 + 0x10 :][:4] == bytes.fromhex("98badcfe")
    mapping.close()
    with pytest.raises(FileNotFoundError):
        Mapping(tmp_path / "none", 4096)
