"""Lessons on a moving decision boundary, on a coarse grid."""

from typing import Any

from antivenom.runner.lesson import lesson_points, lesson_source, lesson_spec

LOGISTIC = {"name": "estimator", "class_name": "SGDClassifier", "settings": {"loss": "log_loss"}}
ROUGH: dict[str, Any] = {"name": "boundary", "step": 0.1, "drawn": 20}


def spec(**changes: Any) -> dict[str, Any]:
    """A lesson on a coarse grid."""
    made = lesson_spec(
        source=changes.pop("source", lesson_source()),
        model=changes.pop("model", "MLPClassifier"),
        points=changes.pop("points", lesson_points()),
        labels=(1,),
        calls=changes.pop("calls", 3),
    )
    return {**made, "analysis": [ROUGH], **changes}


def found(result: Any) -> dict[str, Any]:
    arrays = result.data
    return {name.removeprefix("analysis.boundary."): array for name, array in arrays.items() if "boundary" in name}
