"""Neural Cleanse: a scan that recovers the smallest trigger of every class."""

from antivenom.defences.neural_cleanse.neural_cleanse import NeuralCleanse

__all__ = ["NeuralCleanse"]
