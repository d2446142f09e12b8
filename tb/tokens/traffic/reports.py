"""Jobs of a token block one after the other, and what is reported of them."""

import numpy as np

from gemmule.gen.catalog import find
from gemmule.gen.simulation.engine import build
from gemmule.tb.common.fault_table import status_words

__all__ = ["STALLS", "faults_of", "run_all"]

STALLS = (0.0, 0.5)


def faults_of(model, word):
    """Return the fields of a status word that are not 0."""
    return {name: value for name, value in status_words(model, [word])[0].items() if value}


def run_all(block, params, jobs, stall):
    """Run the jobs one after the other; return the model, and all that comes."""
    model = build(find(block), params)
    send = {name: np.concatenate([job[name] for job in jobs]) for name in jobs[0]}
    outputs = [each.name for each in model.manifest.streams if not each.is_input]
    received = model.run(send, dict.fromkeys(outputs), stall=stall, seed=9, quiet=900).received
    return model, received
