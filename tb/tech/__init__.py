"""Evidence for the DSP cells: models, packing, arrays, area."""

BENCHMARKS = {
    "area": "gemmule.tb.tech.benchmark_area",
    "route": "gemmule.tb.tech.benchmark_route",
}
