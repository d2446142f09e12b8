"""Token selection: score, select, pack."""

BENCHMARKS = {
    "heatvit": "gemmule.tb.tokens.heatvit.benchmark_heatvit",
    "minilm-tokens": "gemmule.tb.tokens.benchmark_minilm",
}
