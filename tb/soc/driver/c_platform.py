"""C programs whose board is a pipe to Python: compiled, and served by any bus."""

import os
import struct
import subprocess
from pathlib import Path

from gemmule.gen.driver.buses.bus import Bus
from gemmule.gen.package.axi.header import LAYOUT, layout_header

__all__ = ["DRIVER", "PLATFORM", "compiled", "served"]

DRIVER = Path(__file__).parents[3] / "gen" / "driver" / "c"
PLATFORM = Path(__file__).parent / "c"

WARNINGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
CAREFUL = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")

OPERATION = struct.Struct("<IIQQ")
ANSWER = struct.Struct("<IIQQ")
WRITE, READ, RUN = 1, 2, 3


def compiled(folder: Path, main: Path, config_hash: int = 0) -> Path:
    """Return the program of ``main``, the driver and the pipe's board, with all checks on."""
    (folder / LAYOUT).write_text(layout_header())
    program = folder / main.stem
    sources = [DRIVER / "gemmule.c", DRIVER / "gemmule_vector.c", PLATFORM / "platform.c", main]
    includes = [f"-I{each}" for each in (folder, DRIVER, PLATFORM)]
    macro = f"-DPLATFORM_CONFIG_HASH={config_hash}u"
    command = ["gcc", *WARNINGS, *CAREFUL, macro, *includes, "-o", program, *sources]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return program


def served(program: Path, bus: Bus, image: Path, *, poll: bool = False) -> list[int]:
    """Run a program whose board is ``bus``, with its memory in ``image``; return what it tells."""
    environment = os.environ | {
        "IMAGE": str(image),
        "SIZE": str(bus.memory.size),
        "BASE": str(bus.base),
    }
    environment |= {"POLL": "1"} if poll else {}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [program], stdin=pipe, stdout=pipe, stderr=pipe, env=environment
    ) as process:
        while octets := process.stdout.read(OPERATION.size):
            what, a, b, _c = OPERATION.unpack(octets)
            value = 0
            if what == WRITE:
                bus.write32(a, b)
            elif what == READ:
                value = bus.read32(a)
            elif what == RUN:
                bus.wait(b / 100e6, interrupt=bool(a))
            process.stdin.write(ANSWER.pack(0, value, 0, 0))
            process.stdin.flush()
        said = process.stderr.read().decode()
    assert process.returncode in (0, 1), said
    return list(map(int, said.split()))
