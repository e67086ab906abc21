"""What a network has learned: plain functions on classifiers and data, and components, one a file, for experiments."""

from antivenom.analysis._layers import studied_layers
from antivenom.analysis._scene import Analysis, Learned, Scene, Study, analyse
from antivenom.analysis.boundary import Square, crossings, flipped, margin
from antivenom.analysis.drift import drift, drift_over_training
from antivenom.analysis.embedding import embed
from antivenom.analysis.filters import first_layer_filters
from antivenom.analysis.neurons import neurons
from antivenom.analysis.probes import LinearProbe, probe_layers
from antivenom.analysis.saliency import gradient_saliency, guided_backpropagation, integrated_gradients
from antivenom.analysis.similarity import cka, similarity
from antivenom.registry import lazily

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
