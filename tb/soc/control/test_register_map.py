"""The register map: what was generated from it is not stale, and it says everything once."""

from gemmule.gen.driver.registers import REGISTERS
from gemmule.gen.registers import TARGET, driver_module
from gemmule.hw.soc.register_map import PAGE, register_map


def test_the_driver_has_the_map_of_the_hardware():
    # Stale? `python -m gemmule.gen.registers` makes it again.
    assert TARGET.read_text(encoding="utf-8") == driver_module()
    assert list(REGISTERS) == list(register_map())


def test_each_word_and_field_is_described_and_has_its_own_place():
    addresses = set()
    for register in register_map().values():
        assert register.text, register.name
        assert register.address % 4 == 0
        assert register.address < 1 << PAGE
        addresses.add(register.address)
        for field in register.fields:
            assert field.text.endswith("."), (register.name, field.name)
            assert field.reset < 1 << field.width
            assert REGISTERS[register.name].fields[field.name].mask == field.mask
        assert sum(field.mask for field in register.fields) < 1 << 32
    assert len(addresses) == len(register_map())
