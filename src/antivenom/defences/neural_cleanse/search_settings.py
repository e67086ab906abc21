"""The settings of the search for triggers."""

from typing import Annotated, Literal

from annotated_types import Interval

from antivenom.settings import AtLeastOne, Count, Positive, component

Norm = Literal["l1", "l2", "linf"]


@component
class Search:
    """The settings of the search for triggers.

    Args:
        steps: the maximum number of steps per class. A step is one mini-batch.
        batch_size: the number of rows per step.
        norm: the norm of the mask that the search makes small: `l1`, `l2` or `linf`.
        per_channel: give the mask one channel for each channel of the image, instead of one for all.
        learning_rate: the learning rate of Adam.
        init_cost: the first weight of the norm in the loss, after the trigger has worked without this weight.
        cost_multiplier: the factor by which the cost increases. It decreases by this factor to the power of 1.5.
        attack_success_threshold: a trigger works if it sends this share of rows to its class over the last `window`
            steps.
        patience: the number of consecutive evaluations with or without success after which the cost changes.
        window: the number of steps over which success is averaged.
        evaluate_every: the number of steps from one evaluation of success to the next. With the number of mini-batches
            in a pass over the rows, here and as `window`, success and patience count passes.
        early_stop: stop the search for a class when its mask no longer becomes smaller.
        early_stop_threshold: a mask is smaller if its norm is below this factor times the best norm.
        early_stop_patience: the number of consecutive evaluations without a smaller mask after which a class stops.
        restarts: the number of further random starts for every flagged class. The smallest trigger is kept. The verdict
            does not change, but the trigger becomes more similar to the attacker's.
        schedule: `all` continues every class until it stops. `successive` gives more steps to classes whose masks
            become small fast (like K-Arm, Shen et al. 2021): rounds remove the classes with larger masks until ten are
            left. These are compared when most of them have failed once. Then only flagged classes continue.
    """

    steps: AtLeastOne = 1000
    batch_size: AtLeastOne = 32
    norm: Norm = "l1"
    per_channel: bool = False
    learning_rate: Positive = 0.1
    init_cost: Positive = 1e-3
    cost_multiplier: Annotated[float, Interval(gt=1)] = 1.5
    attack_success_threshold: Annotated[float, Interval(gt=0, le=1)] = 0.99
    patience: AtLeastOne = 5
    window: AtLeastOne = 10
    evaluate_every: AtLeastOne = 1
    early_stop: bool = True
    early_stop_threshold: Annotated[float, Interval(gt=0, le=1)] = 0.99
    early_stop_patience: AtLeastOne = 50
    restarts: Count = 0
    schedule: Literal["all", "successive"] = "successive"
