"""The block of the examples: small enough to test the generator and the engine with."""

from gemmule.gen.docs.examples.own_block import ADDER, Adder, AdderParams, Lane

__all__ = ["ADDER", "Adder", "AdderParams", "Lane"]
