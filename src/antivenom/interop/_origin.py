"""The model that a user of ART passes, as antivenom requires it."""

from dataclasses import dataclass, field, replace
from typing import Any

from antivenom.errors import SettingsError
from antivenom.interop._inputs import UNIT, KerasStatement, has_channels_last, to_classifier, wrap_model
from antivenom.interop._kinds import ClipValues, check_clip_values, check_supported, lacks_input_shape
from antivenom.interop._training import UserTraining
from antivenom.models import ModuleClassifier


@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    """The model of the user, copied, and how it is trained.

    Attributes:
        module: an `nn.Module` whose input shape is unknown until the first rows; else None.
        classifier: any other model as a classifier.
        clip_values: the range of the rows of `module`.
        channels_last: True if the model takes images with their channels last.
        training: the optimizer and the loss of the user.
    """

    module: Any = None
    classifier: ModuleClassifier | None = None
    clip_values: ClipValues = None
    channels_last: bool = False
    training: UserTraining = field(default_factory=UserTraining)

    @classmethod
    def of(cls, wrapped: Any, clip_values: ClipValues = None, input_shape: tuple[int, ...] | None = None) -> "Origin":
        """Return the origin of a model.

        Raises:
            CapabilityError: the model is not supported.
            SettingsError: what is stated does not fit the model.
        """
        if not isinstance(wrapped, KerasStatement):
            check_supported(wrapped)
        check_clip_values(wrapped, clip_values)
        if lacks_input_shape(wrapped):
            origin = cls(module=wrapped, clip_values=clip_values)
            return origin if input_shape is None else origin.with_shape(tuple(input_shape))
        classifier = to_classifier(wrapped, clip_values)
        return cls(
            classifier=classifier, channels_last=has_channels_last(wrapped), training=UserTraining.of(wrapped)
        ).checked(input_shape)

    def with_shape(self, shape: tuple[int, ...]) -> "Origin":
        """Return the origin with a classifier for rows of this shape."""
        if self.classifier is not None:
            return self
        classifier = wrap_model(self.module, input_shape=shape, bounds=self.clip_values or UNIT)
        return replace(self, module=None, classifier=classifier)

    def checked(self, input_shape: tuple[int, ...] | None) -> "Origin":
        """Return the origin. A shape that the user states must be that of the model."""
        assert self.classifier is not None
        if input_shape is not None and tuple(input_shape) != self.stated_shape:
            raise SettingsError([f"input_shape is {self.stated_shape} for this model; got {tuple(input_shape)}."])
        return self

    @property
    def stated_shape(self) -> tuple[int, ...]:
        """The shape of one row in the format of the model, which must be known."""
        assert self.classifier is not None
        shape = self.classifier.input_shape
        return (*shape[1:], shape[0]) if self.channels_last else shape
