"""An unmasked address lies in its buffer: proven by induction, for maps of any such size."""

import pytest

from .proof import LEMMAS, parameters, prove


def proven(name, bits, folder):
    """Tell whether every lemma is proven for every width of a map."""
    found = prove(parameters(name, bits), folder)
    assert {lemma: len(each) for lemma, each in found.items()} == dict(
        zip(LEMMAS, (1, (1 << bits) - 1, (1 << bits) - 1), strict=True)
    )
    return all(all(each) for each in found.values())


def cases(*pairs):
    """Parametrize a test by pairs of a generator and the bits of a side."""
    return pytest.mark.parametrize(("name", "bits"), pairs)


@cases(("im2col", 3), ("bp_im2col", 4))
def test_addresses_are_in_bounds(name, bits, tmp_path):
    """Maps of up to 15 x 15, with inserted zeros too."""
    assert proven(name, bits, tmp_path)


@pytest.mark.full
@cases(("im2col", 4), ("im2col", 5), ("bp_im2col", 5))
def test_addresses_are_in_bounds_of_larger_maps(name, bits, tmp_path):
    """Maps of up to 31 x 31."""
    assert proven(name, bits, tmp_path)


def test_the_proof_finds_a_buffer_too_small(tmp_path):
    found = prove(parameters("im2col", 2), tmp_path, broken=True)
    assert all(found["row"])
    assert not any(found["bound"])
