"""The behavioral models of DSP48E1 and DSP48E2, cycle by cycle, against models that are not ours.

DSP48E2 is compared with the integer model of `golden.tech.dsp48`; DSP48E1 with that and with the
model that Yosys ships, which no line of ours was taken from.
"""

import re
from pathlib import Path

import numpy as np
import pyosys
import pytest

from gemmule.golden.tech.dsp48 import Dsp48, wrap
from gemmule.tb.tech.probe import ENABLES, RESETS, Variant, pins, play

CYCLES = 3000
PORT = {"DSP48E1": 25, "DSP48E2": 27}
CONTROL = ("INMODE", "OPMODE", "ALUMODE", "CARRYIN", "CARRYINSEL")
ROUNDING = 0x1234_5678_9ABC

# Register counts of the variants: all full, all bypassed, ours, single stages and mixtures.
FULL = {
    "A": 2,
    "B": 2,
    "C": 1,
    "D": 1,
    "AD": 1,
    "M": 1,
    "INMODE": 1,
    "OPMODE": 1,
    "ALUMODE": 1,
    "CARRYIN": 1,
}
REGISTERS = (
    FULL,
    dict.fromkeys(FULL, 0),
    dict.fromkeys(FULL, 0) | {"A": 2, "B": 1, "M": 1},
    FULL | {"A": 1, "B": 1, "D": 0},
    FULL | {"AD": 0, "M": 0, "INMODE": 0, "C": 0},
)


def attributes(primitive: str, registers: dict[str, int], preadder: bool) -> dict[str, object]:
    values = {f"{name}REG": count for name, count in registers.items()}
    values |= {
        "PREG": 1,
        "CARRYINSELREG": 0,
        "ACASCREG": min(registers["A"], 1),
        "BCASCREG": min(registers["B"], 1),
    }
    if primitive == "DSP48E2":
        return values | {"AMULTSEL": "AD" if preadder else "A", "RND": ROUNDING}
    return values | {"USE_DPORT": "TRUE" if preadder else "FALSE"}


def stimulus(primitive: str, seed: int) -> dict[str, np.ndarray]:
    """Draw legal control words, and operands with their extremes first and often."""
    rng = np.random.default_rng(seed)
    words = {}
    for name, width in pins(primitive).items():
        values = [int(v) for v in rng.integers(0, 1 << min(width, 48), CYCLES)]
        corners = [0, 1, (1 << width) - 1, 1 << width - 1, (1 << width - 1) - 1]
        picks = rng.integers(0, 2 * len(corners), CYCLES)
        chosen = [corners[p] if p < len(corners) else v for p, v in zip(picks, values, strict=True)]
        words[name] = np.array(chosen, dtype=np.int64)
    for name in ENABLES:
        words[name] = (rng.random(CYCLES) < 0.85).astype(np.int64)
    for name in RESETS:
        words[name] = (rng.random(CYCLES) < 0.03).astype(np.int64)
    product = rng.random(CYCLES) < 0.6
    x = np.where(product, 1, rng.choice([0, 2, 3], CYCLES))
    y = np.where(product, 1, rng.choice([0, 3], CYCLES))
    z = rng.choice([0, 1, 2, 3, 5, 6], CYCLES)
    w = rng.integers(0, 4, CYCLES) if primitive == "DSP48E2" else 0
    words["OPMODE"] = x | y << 2 | z << 4 | w << 7
    words["ALUMODE"] = rng.integers(0, 4, CYCLES)
    words["CARRYINSEL"] = np.zeros(CYCLES, dtype=np.int64)
    return words


def legal(words: dict[str, np.ndarray], registers: dict[str, int]) -> dict[str, np.ndarray]:
    """Let A and B take their first stage only where they have two: no other choice is defined."""
    mask = 0b11111 ^ (registers["A"] == 1) ^ (registers["B"] == 1) << 4
    return words | {"INMODE": words["INMODE"] & mask}


def integer_model(
    primitive: str, registers: dict[str, int], preadder: bool, words: dict[str, np.ndarray]
) -> np.ndarray:
    cell = Dsp48(PORT[primitive], registers, wrap(ROUNDING, 48), preadder)
    signed = {"A": 30, "B": 18, "C": 48, "D": PORT[primitive], "PCIN": 48}
    columns = {name: [int(v) for v in values] for name, values in words.items()}
    for name, width in signed.items():
        columns[name] = [wrap(v, width) for v in columns[name]]
    return np.array([
        cell.step({name: values[cycle] for name, values in columns.items()})
        for cycle in range(CYCLES)
    ])


def yosys_model() -> str:
    """Return the DSP48E1 of Yosys, renamed, as Verilog text."""
    text = (Path(pyosys.__file__).parent / "share/xilinx/cells_sim.v").read_text()
    module = re.search(r"^module DSP48E1 \(.*?^endmodule$", text, re.M | re.S)[0]
    return "\n/* verilator lint_off WIDTH */ /* verilator lint_off COMBDLY */\n" + module.replace(
        "module DSP48E1", "module YOSYS_DSP48E1"
    )


@pytest.mark.parametrize("primitive", ["DSP48E1", "DSP48E2"])
def test_model_equals_integers_and_yosys(primitive):
    cases = [(registers, preadder) for registers in REGISTERS for preadder in (False, True)]
    # One stimulus serves all: the strictest of them.
    words = legal(stimulus(primitive, seed=48), {"A": 1, "B": 1})
    variants = [Variant(primitive, attributes(primitive, *case)) for case in cases]
    extra = ""
    if primitive == "DSP48E1":
        variants += [Variant("YOSYS_DSP48E1", each.attributes) for each in variants]
        extra = yosys_model()
    got = play(primitive, variants, words, extra=extra)
    for index, (registers, preadder) in enumerate(cases):
        wanted = integer_model(primitive, registers, preadder, words)
        assert (got[:, index] == wanted).all(), (primitive, registers, preadder)
        assert len(np.unique(wanted)) > CYCLES // 4
    if extra:
        ours, theirs = got[:, : len(cases)], got[:, len(cases) :]
        assert (ours == theirs).all()


def test_first_stages_are_chosen_by_inmode():
    words = stimulus("DSP48E2", seed=7)
    case = (FULL, True)
    got = play("DSP48E2", [Variant("DSP48E2", attributes("DSP48E2", *case))], words, stall=0.5)
    assert (got[:, 0] == integer_model("DSP48E2", *case, words)).all()


@pytest.mark.parametrize(
    ("pin", "value"),
    [
        ("OPMODE", 0b001),
        ("OPMODE", 0b1000),
        ("OPMODE", 0b1110000),
        ("ALUMODE", 0b1100),
        ("CARRYINSEL", 2),
    ],
    ids=["m_on_x_only", "ones_on_y", "illegal_z", "logic", "carry_cascade"],
)
@pytest.mark.parametrize("primitive", ["DSP48E1", "DSP48E2"])
def test_a_control_word_outside_the_modes_stops_the_simulation(primitive, pin, value):
    words = {name: np.zeros(8, dtype=np.int64) for name in pins(primitive)}
    words |= {name: np.ones(8, dtype=np.int64) for name in ENABLES}
    words[pin][4] = value
    variant = Variant(primitive, attributes(primitive, FULL | {"M": 1}, False))
    with pytest.raises(RuntimeError, match=f"{primitive} is not modeled"):
        play(primitive, [variant], words)
