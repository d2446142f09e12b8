"""An unmasked address lies in its buffer: proven by induction, for maps of any such size."""

import pytest

from .proof import parameters, prove

NAMES = ("im2col", "bp_im2col")


@pytest.mark.parametrize("name", NAMES)
def test_addresses_are_in_bounds(name, tmp_path):
    """Maps of up to 7 x 7."""
    assert all(prove(parameters(name, 3), tmp_path))


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_addresses_are_in_bounds_of_larger_maps(name, tmp_path):
    """Maps of up to 15 x 15."""
    assert all(prove(parameters(name, 4), tmp_path))


def test_the_proof_finds_a_buffer_too_small(tmp_path):
    assert not any(prove(parameters("im2col", 2), tmp_path, broken=True))
