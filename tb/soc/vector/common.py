"""The machines and the command that the tests of VECTOR commands begin with."""

from dataclasses import replace

from gemmule.golden.common.formats import Format
from gemmule.golden.soc.commands import Opcode
from gemmule.golden.soc.functions import VECTOR_FUNCTIONS, VectorHardware
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.soc.machine import Machine
from gemmule.tb.soc.test_machine import BASE, SETTINGS_AT, completions, ring

__all__ = ["HARDWARE", "RECORD", "UNIT", "VECTOR_COMMAND", "WITH_B", "F", "run"]

F = Format.parse

UNIT = VectorHardware(functions=VECTOR_FUNCTIONS, max_length=40)

HARDWARE = {
    "own formats": Hardware(vector=UNIT),
    "narrow": Hardware(
        multiplier_width=8,
        max_shift=20,
        vector=replace(UNIT, functions=VECTOR_FUNCTIONS[:8], coefficients="heatvit", max_length=7),
    ),
    "wide": Hardware(multiplier_width=24, max_shift=63, vector=replace(UNIT, coefficients="plan")),
    "one format": Hardware(
        vector=replace(
            UNIT,
            functions=("silu", "softmax", "layernorm", "rmsnorm"),
            in_format=F("sq5.6"),
            out_format=F("sq3.6"),
            gamma_format=F("sq2.5"),
            beta_format=F("uq1.3"),
            max_length=33,
        )
    ),
    "no functions": Hardware(vector=VectorHardware()),
}

VECTOR_COMMAND = {
    "opcode": Opcode.VECTOR, "a": BASE + 0x1000, "c": BASE + 0x3000, "a_stride": 5, "c_stride": 20,
    "sizes": 12, "settings": SETTINGS_AT, "m": 3, "n": 5,
}  # fmt: skip

WITH_B = VECTOR_COMMAND | {"b": BASE + 0x1100, "b_stride": 5, "sizes": 0}

RECORD = {"multiplier": 1, "result_multiplier": 1, "high": 127}


def run(made: Machine, command: dict[str, int], octets: bytes) -> dict[str, int]:
    """Carry out a command with these settings; return its completion."""
    made.memory.octets[SETTINGS_AT - BASE :][: len(octets)] = list(octets)
    index = made.read("COMPLETED")["commands"]
    ring(made, command)
    assert made.advance() == 1
    return completions(made)[index % 8]
