"""What a network has learned, layer by layer: plain functions on classifiers and data that return arrays."""

from bezoar.analysis._layers import studied_layers
from bezoar.analysis.drift import Drift, drift
from bezoar.analysis.neurons import Neurons, neurons
from bezoar.analysis.probes import LinearProbe, probe_layers
from bezoar.analysis.similarity import cka, similarity

__all__ = ["Drift", "LinearProbe", "Neurons", "cka", "drift", "neurons", "probe_layers", "similarity", "studied_layers"]
