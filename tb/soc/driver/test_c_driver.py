"""The C driver: compiled for three processors, and run on the golden machine."""

import shutil
import subprocess

import numpy as np
import pytest

from gemmule.gen.driver.buses.golden import GoldenBus, identity_of
from gemmule.gen.package.axi.header import LAYOUT, layout_header
from gemmule.golden.soc.functions import VectorHardware
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.systolic.gemm import gemm
from gemmule.tb.soc.driver.c_platform import DRIVER, PLATFORM, WARNINGS, compiled, served

COMPILERS = {
    "x86-64": ["gcc"],
    "aarch64": ["aarch64-linux-gnu-gcc"],
    "riscv32": ["riscv64-unknown-elf-gcc", "-march=rv32imac", "-mabi=ilp32"],
}

LIBRARY = {"memcpy", "memset", "memmove", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"}
"""What a freestanding compiler may ask for; nothing of a C library beside it."""


@pytest.mark.parametrize("target", COMPILERS)
def test_it_compiles_freestanding(target, tmp_path):
    compiler, *flags = COMPILERS[target]
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not on PATH: .ci/debian.txt names its package")
    (tmp_path / LAYOUT).write_text(layout_header())
    includes = [f"-I{each}" for each in (tmp_path, DRIVER, PLATFORM)]
    for source in ("gemmule.c", "gemmule_vector.c", "main.c"):
        target = tmp_path / f"{source}.o"
        command = [compiler, *flags, *WARNINGS, "-ffreestanding", *includes, "-c", "-o", target]
        done = subprocess.run([*command, DRIVER / source], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
    tool = compiler.removesuffix("gcc") + "nm"
    objects = [tmp_path / "gemmule.c.o", tmp_path / "gemmule_vector.c.o"]
    listed = subprocess.run([tool, *objects], capture_output=True, text=True, check=True).stdout
    lines = [line.split() for line in listed.splitlines() if line and not line.endswith(":")]
    own = {words[-1] for words in lines if words[-2] == "T"}
    assert {words[-1] for words in lines if words[-2] == "U"} <= LIBRARY | own
    assert all(name.startswith("gemmule_") for name in own)


def test_a_product_takes_thirty_lines():
    assert len((DRIVER / "main.c").read_text().splitlines()) <= 30


def golden_board(tmp_path, config_hash: int = 0, hardware: Hardware | None = None):
    """Return a golden machine whose memory is a file, and the file."""
    image = tmp_path / "image"
    image.write_bytes(bytes(1 << 16))
    hardware = hardware or Hardware()
    bus = GoldenBus(
        hardware,
        memory=np.memmap(image, np.uint8, "r+"),
        identity=identity_of(hardware, config_hash),
    )
    return bus, image


def example() -> list[int]:
    """Return what main.c must tell: no error, and its product."""
    a = np.arange(16).reshape(4, 4)
    return [0, *gemm(a, a % 5 - 2, multiplier=[1], shift=[1]).ravel().tolist()]


def test_the_example_on_the_golden_machine(tmp_path):
    bus, image = golden_board(tmp_path, config_hash=77)
    program = compiled(tmp_path, DRIVER / "main.c", config_hash=77)
    assert served(program, bus, image) == example()
    bus, image = golden_board(tmp_path, config_hash=77)
    write32 = bus.write32
    bus.write32 = lambda *written: (write32(*written), bus.machine.advance())
    assert served(program, bus, image, poll=True) == example()  # without the hook `wait`
    bus, image = golden_board(tmp_path, config_hash=78)
    assert served(program, bus, image)[0] == -1  # other hardware


def test_all_answers_on_the_golden_machine(tmp_path):
    bus, image = golden_board(tmp_path)
    assert served(compiled(tmp_path, PLATFORM / "exercise.c"), bus, image) == [0]


def test_the_vector_unit_on_the_golden_machine(tmp_path):
    hardware = Hardware(vector=VectorHardware(functions=("softmax", "layernorm", "transpose")))
    bus, image = golden_board(tmp_path, hardware=hardware)
    assert served(compiled(tmp_path, PLATFORM / "vector.c"), bus, image) == [0]
