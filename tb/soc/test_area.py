# amaranth: UnusedElaboratable=no
"""What the accelerator's parts take, and their levels of logic, as Yosys counts them."""

import pytest

from gemmule.gen.block import Block
from gemmule.gen.synthesis.synth import synthesize
from gemmule.hw.soc.params import AcceleratorParams
from gemmule.hw.soc.product.unit import ProductUnit
from gemmule.tb.soc import shell_area

LEVELS = 10


@pytest.mark.full
@pytest.mark.parametrize("lanes", shell_area.MOST)
def test_shell(lanes):
    found = shell_area.report(vector_lanes=lanes)
    assert found.lut <= shell_area.MOST[lanes]
    assert found.dsp == 0
    assert found.logic_levels <= LEVELS


@pytest.mark.full
@pytest.mark.parametrize("size", [4, 8])
def test_levels_of_the_product_unit(size):
    params = AcceleratorParams(rows=size, cols=size, cell="dsp48e2")
    block = Block("product", "Multiplies.", AcceleratorParams, ProductUnit)
    found = synthesize(block, params, "zcu102", flatten=True, parts=False)
    assert found.logic_levels <= LEVELS, found.longest_path
    words = 8 * params.bank_bytes // 32768
    assert found.bram36 >= 2 * words
