"""Evidence for the DSP cells: models, packing, arrays, area."""

BENCHES = {
    "area": "gemmule.tb.tech.figures_area",
    "route": "gemmule.tb.tech.figures_route",
}
