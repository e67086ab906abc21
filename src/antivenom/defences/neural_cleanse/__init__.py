"""Neural Cleanse: recovering the smallest trigger of every class."""

from antivenom.defences.neural_cleanse.neural_cleanse import NeuralCleanse

__all__ = ["NeuralCleanse"]
