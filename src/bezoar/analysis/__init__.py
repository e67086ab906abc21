"""What a network has learned: plain functions on classifiers and data, and components, one a file, for experiments."""

from bezoar.analysis._layers import studied_layers
from bezoar.analysis._scene import Analysis, Learned, Scene, Study, analyse
from bezoar.analysis.boundary import Square, crossings, flipped, margin
from bezoar.analysis.drift import drift, drift_over_training
from bezoar.analysis.embedding import embed
from bezoar.analysis.filters import first_layer_filters
from bezoar.analysis.neurons import neurons
from bezoar.analysis.probes import LinearProbe, probe_layers
from bezoar.analysis.saliency import gradient_saliency, guided_backpropagation, integrated_gradients
from bezoar.analysis.similarity import cka, similarity
from bezoar.registry import lazily

__all__ = [
    "Analysis",
    "Learned",
    "LinearProbe",
    "Scene",
    "Square",
    "Study",
    "analyse",
    "cka",
    "crossings",
    "drift",
    "drift_over_training",
    "embed",
    "first_layer_filters",
    "flipped",
    "gradient_saliency",
    "guided_backpropagation",
    "integrated_gradients",
    "margin",
    "neurons",
    "probe_layers",
    "similarity",
    "studied_layers",
]

__getattr__, __dir__ = lazily("analyses")
