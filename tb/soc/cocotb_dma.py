"""Both DMAs against cocotbext-axi's memory, which knows nothing of ours."""

import itertools
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge
from cocotbext.axi import AxiBus, AxiRam

SIZE, ADDRESS, VECTOR = 1 << 16, 16, 16
"""Bytes of memory, bits of an address, bytes of a vector."""


async def start(dut) -> AxiRam:
    """Reset the design; return the memory at its port, which pauses at random."""
    Clock(dut.clk, 10, "ns").start()
    for name in ("write_request_0", "write_data_0", "read_request_0"):
        getattr(dut, f"{name}__valid").value = 0
    for name in ("stop", "cache", "prot", "qos", "read_data_0__ready"):
        getattr(dut, name).value = 0
    ram = AxiRam(AxiBus.from_prefix(dut, "axi_"), dut.clk, dut.rst, size=SIZE)
    read, write = ram.read_if, ram.write_if
    for channel in (read.ar_channel, read.r_channel, write.aw_channel, write.w_channel):
        channel.set_pause_generator(pauses())
    write.b_channel.set_pause_generator(pauses())
    dut.rst.value = 1
    for _ in range(4):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    await RisingEdge(dut.clk)
    return ram


def pauses():
    """Pause in some of the cycles."""
    return itertools.cycle(random.random() < 0.3 for _ in range(997))


async def give(dut, name: str, items: list[int]) -> None:
    """Offer each item until it is taken."""
    valid, ready = getattr(dut, f"{name}__valid"), getattr(dut, f"{name}__ready")
    for item in items:
        getattr(dut, f"{name}__payload").value = item
        valid.value = 1
        taken = False
        while not taken:
            await FallingEdge(dut.clk)
            taken = ready.value == 1
            await RisingEdge(dut.clk)
        valid.value = 0


async def take(dut, count: int) -> list[int]:
    """Take so many vectors that were read."""
    found = []
    dut.read_data_0__ready.value = 1
    while len(found) < count:
        await FallingEdge(dut.clk)
        if dut.read_data_0__valid.value == 1:
            found.append(dut.read_data_0__payload.value.to_unsigned())
    await RisingEdge(dut.clk)
    dut.read_data_0__ready.value = 0
    return found


def requests(count: int) -> list[tuple[int, int]]:
    """Draw addresses and lengths."""
    drawn = []
    for _ in range(count):
        length = random.choice([1, 7, 16, 40, 300, 5000])
        drawn.append((random.randrange(SIZE - length), length))
    return drawn


def encoded(drawn: list[tuple[int, int]]) -> list[int]:
    """Encode requests."""
    return [address | length << ADDRESS for address, length in drawn]


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def reads(dut):
    """Compare what is read with what the memory holds."""
    ram = await start(dut)
    image = random.randbytes(SIZE)
    ram.write(0, image)
    drawn = requests(40)
    asking = cocotb.start_soon(give(dut, "read_request_0", encoded(drawn)))
    for address, length in drawn:
        vectors = await take(dut, -(-length // VECTOR))
        data = b"".join((v & (1 << 8 * VECTOR) - 1).to_bytes(VECTOR, "little") for v in vectors)
        assert data[:length] == image[address : address + length]
        assert [v >> 8 * VECTOR for v in vectors] == [0] * (len(vectors) - 1) + [1]
    await asking


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def writes(dut):
    """Compare the memory with what was written, and beside it with what it held before."""
    ram = await start(dut)
    image = bytearray(random.randbytes(SIZE))
    ram.write(0, bytes(image))
    drawn, vectors = requests(40), []
    for address, length in drawn:
        data = random.randbytes(length)
        image[address : address + length] = data
        for at in range(0, length, VECTOR):
            last = at + VECTOR >= length
            part = int.from_bytes(data[at : at + VECTOR], "little")
            vectors.append(part | last << 8 * VECTOR)
    asking = cocotb.start_soon(give(dut, "write_request_0", encoded(drawn)))
    await give(dut, "write_data_0", vectors)
    await asking
    idle = False
    while not idle:
        await FallingEdge(dut.clk)
        idle = dut.idle.value == 1
    assert ram.read(0, SIZE) == bytes(image)
