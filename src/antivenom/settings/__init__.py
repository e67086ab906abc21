"""Settings: the fields of components. Their types define allowed values, checks and error messages.

    @component
    class BadNets:
        rate: Rate = 0.1
        trigger: Annotated[Trigger, Component("triggers")] = Patch()

`@component` makes a frozen, keyword-only dataclass that checks its fields. `build` makes a component from the content
of a YAML file, and `describe` does the reverse.
"""

from antivenom.settings.building import build, build_as
from antivenom.settings.components import component
from antivenom.settings.contracts import (
    NEEDS,
    USES,
    ChecksCleanRows,
    ChecksItself,
    DeclaresNeeds,
    ReadsFiles,
    needs_advice,
    needs_of,
)
from antivenom.settings.describing import codes_of, describe, describe_fields, is_live, settings_of
from antivenom.settings.docstrings import documentation
from antivenom.settings.frozen import FrozenMap
from antivenom.settings.fulfilment import lacking, missing_field, written, wrong_method
from antivenom.settings.marks import (
    COMPONENT,
    LIVE,
    STARTED,
    AtLeastOne,
    ClassNumber,
    Code,
    Component,
    Count,
    NonNegative,
    Positive,
    Rate,
    is_component,
)
from antivenom.settings.wording import short

__all__ = [
    "COMPONENT",
    "LIVE",
    "NEEDS",
    "STARTED",
    "USES",
    "AtLeastOne",
    "ChecksCleanRows",
    "ChecksItself",
    "ClassNumber",
    "Code",
    "Component",
    "Count",
    "DeclaresNeeds",
    "FrozenMap",
    "NonNegative",
    "Positive",
    "Rate",
    "ReadsFiles",
    "build",
    "build_as",
    "codes_of",
    "component",
    "describe",
    "describe_fields",
    "documentation",
    "is_component",
    "is_live",
    "lacking",
    "missing_field",
    "needs_advice",
    "needs_of",
    "settings_of",
    "short",
    "written",
    "wrong_method",
]
