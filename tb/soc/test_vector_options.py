"""Options of the vector unit: what they become, what registers say of them, what is refused."""

import pytest

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.soc.commands import VectorFunction
from gemmule.golden.soc.functions import VectorHardware
from gemmule.hw.soc.params import AcceleratorParams


def test_an_accelerator_without_lanes_has_no_vector_unit():
    params = AcceleratorParams()
    assert params.vector_unit is None
    words = params.constants
    names = ("VECTOR_LANES", "FUNCTIONS", "IN_FORMAT", "OUT_FORMAT", "COEFFICIENTS")
    names += ("GAMMA_FORMAT", "BETA_FORMAT", "MAX_LENGTH")
    assert not any(words[f"CONFIG_{name}"] for name in names)
    assert words["CAPS"] >> 16 == 1


def test_unit_and_registers_have_what_was_asked_for():
    params = AcceleratorParams(
        vector_lanes=8,
        functions="softmax, gelu",
        in_format="sq8.8",
        coefficients="heatvit",
        gamma_format="sq2.6",
        max_length=300,
        multiplier_width=20,
    )
    assert params.functions == "gelu,softmax"
    unit = params.vector_unit
    assert unit.golden == VectorHardware(
        lanes=8,
        functions=("gelu", "softmax"),
        in_format=Format.parse("sq8.8"),
        coefficients="heatvit",
        gamma_format=Format.parse("sq2.6"),
        max_length=300,
    )
    assert (unit.multiplier_width, unit.max_shift, unit.address_width) == (20, 47, 40)
    words = params.constants
    assert words["CAPS"] >> 16 == 3
    assert words["CONFIG_VECTOR_LANES"] == 8
    assert words["CONFIG_FUNCTIONS"] == 1 << VectorFunction.GELU | 1 << VectorFunction.SOFTMAX
    assert words["CONFIG_IN_FORMAT"] == 8 << 16 | 1 << 8 | 16
    assert words["CONFIG_OUT_FORMAT"] == 0
    assert words["CONFIG_COEFFICIENTS"] == 1
    assert words["CONFIG_GAMMA_FORMAT"] == 6 << 16 | 1 << 8 | 8
    assert words["CONFIG_BETA_FORMAT"] == 12 << 16 | 1 << 8 | 16
    assert words["CONFIG_MAX_LENGTH"] == 300


def test_every_option_of_the_vector_unit_is_in_the_hash():
    base = {"vector_lanes": 8, "functions": "gelu"}
    others = [
        {"vector_lanes": 4},
        {"functions": "none"},
        {"in_format": "sq8.8"},
        {"out_format": "sq8.8"},
        {"coefficients": "heatvit"},
        {"gamma_format": "sq8.8"},
        {"beta_format": "sq8.8"},
        {"max_length": 100},
    ]
    made = [AcceleratorParams(**base | other) for other in [{}, *others]]
    assert len({each.config_hash for each in made}) == len(made)
    same = AcceleratorParams(vector_lanes=8, functions="exp,gelu")
    assert same.config_hash == AcceleratorParams(vector_lanes=8, functions="gelu,exp").config_hash


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"vector_lanes": 12}, "--vector-lanes must be 0 or a power of 2, not 12"),
        ({"vector_lanes": 128}, "--vector-lanes must be in 0..64, not 128"),
        ({"vector_lanes": 8, "functions": "relu"}, "--functions must be none, or some of gelu, "),
        ({"vector_lanes": 8, "functions": "exp,exp"}, "each once"),
        ({"vector_lanes": 8, "functions": "none,exp"}, "not 'none,exp'"),
        ({"functions": "gelu"}, "--functions gelu needs a vector unit: --vector-lanes"),
        ({"max_length": 100}, "--max-length 100 needs a vector unit"),
        ({"in_format": "s8"}, "--in-format s8 needs a vector unit"),
        (
            {"vector_lanes": 8, "functions": "exp,layernorm", "in_format": "u8"},
            "--in-format must be signed, not u8, for layernorm",
        ),
        (
            {"vector_lanes": 8, "functions": "softmax", "out_format": "u8"},
            "--out-format must have fractional bits, not u8, for softmax",
        ),
        (
            {"vector_lanes": 8, "functions": "softmax", "out_format": "uq1.1"},
            "--out-format must be 4 to 16 bits wide, not uq1.1, for softmax",
        ),
        ({"vector_lanes": 8, "max_length": 5000}, "--max-length must be in 1..4096, not 5000"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_sentence(options, words):
    with pytest.raises(UsageError) as error:
        AcceleratorParams(**options)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
