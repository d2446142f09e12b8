"""Proofs by induction over all inputs and at all times, with yosys-smtbmc and Z3."""
