"""D: what a data sheet says of a convolution's commands covers each of their fields."""

import re

import pytest

from gemmule.gen.blocks.conv.command_sheet import command_variants
from gemmule.gen.blocks.conv.convolution import CONVOLUTIONS
from gemmule.gen.blocks.conv.program_sheet import memory_text, program_faults, program_text
from gemmule.gen.verilog.ports import streams
from gemmule.golden.conv.commands import Opcode
from gemmule.tb.conv.test_convolution import OTHER, SMALL, VOLUME


@pytest.mark.parametrize("params", [SMALL, VOLUME, type(SMALL)(**OTHER | {"dataflow": "os"})])
def test_every_field_of_every_kind_is_described(params):
    """The manifest lists the same fields, by kind, at the bits at which a command has them."""
    block = CONVOLUTIONS[params.AXES - 2]
    command = next(each for each in streams(block.component(params)) if each.name == "command")
    (content,) = (each for each in command.fields if each.name == "data.content")
    told = command_variants(params)
    assert [each.kind.value for each in command.variants] == [kind.value for kind in Opcode]
    for variant, listed in zip(told, command.variants, strict=True):
        names = {re.sub(r"\.\d+(?=\.|$)", "", each.name) for each in listed.fields}
        assert names == set(variant.fields), variant.name
        ends = [each.offset + each.width * each.lanes for each in listed.fields]
        starts = [each.offset for each in listed.fields]
        assert starts == [content.offset, *ends[:-1]] or not names
        assert all(end <= content.offset + content.width for end in ends)
    for words in (memory_text(params), program_text(params), program_faults()):
        assert not re.search(r"golden|hw\.|gen\.|``|None", words)
