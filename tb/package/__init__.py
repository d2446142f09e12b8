"""Tests of packages: data sheets, AXI4-Stream tops, FuseSoC cores."""
