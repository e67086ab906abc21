"""The types of scikit-learn's constraints on the settings of an estimator."""

from sklearn.utils._param_validation import Interval, StrOptions

__all__ = ["Interval", "StrOptions"]
