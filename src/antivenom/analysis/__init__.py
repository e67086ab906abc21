"""Analyses of networks: functions of classifiers and data, and a component for each of them for experiments.

Functions are imported eagerly: `similarity`, `drift` and `neurons` are also modules of this package, and a later import
of the module would replace the function.
"""

from antivenom.analysis._analysis import Analysis, AnalysisResult, LayerObserver, NoLayers, analyse
from antivenom.analysis._context import AnalysisContext
from antivenom.analysis._plane import Square, crossings, flipped, grid_points, margin
from antivenom.analysis.drift import drift, drift_over_training
from antivenom.analysis.embedding import embed
from antivenom.analysis.filters import first_layer_filters
from antivenom.analysis.layers import studied_layers
from antivenom.analysis.neurons import neurons
from antivenom.analysis.probes import LinearProbe, probe_layers
from antivenom.analysis.saliency import gradient_saliency, guided_backpropagation, integrated_gradients
from antivenom.analysis.similarity import cka, similarity
from antivenom.registry import lazily

__all__ = [
    "Analysis",
    "AnalysisContext",
    "AnalysisResult",
    "LayerObserver",
    "LinearProbe",
    "NoLayers",
    "Square",
    "analyse",
    "cka",
    "crossings",
    "drift",
    "drift_over_training",
    "embed",
    "first_layer_filters",
    "flipped",
    "gradient_saliency",
    "grid_points",
    "guided_backpropagation",
    "integrated_gradients",
    "margin",
    "neurons",
    "probe_layers",
    "similarity",
    "studied_layers",
]

__getattr__, __dir__ = lazily("analyses")
