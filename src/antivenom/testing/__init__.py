"""Conformance checks: does a component keep its promises? Run them on your own.

    from antivenom.testing import check_attack
    check_attack(MyAttack(rate=0.2))

Each check is a function of its own that raises `AssertionError` with what was broken. `antivenom`'s own tests run all
of them on every registered component; a waiver needs a written reason.
"""

from antivenom.testing._device import on_device
from antivenom.testing._toys import global_state_untouched, settings_round_trip, toy_images, toy_table
from antivenom.testing.analyses import (
    ANALYSIS_CHECKS,
    analysis_is_reproducible,
    analysis_leaves_its_inputs_alone,
    analysis_settings_round_trip,
    check_analysis,
)
from antivenom.testing.attacks import (
    ATTACK_CHECKS,
    attack_has_an_effect,
    attack_is_reproducible,
    attack_keeps_its_rate,
    attack_keeps_type_and_bounds,
    attack_leaves_its_inputs_alone,
    attack_says_which_rows_it_contributed,
    attack_settings_round_trip,
    check_attack,
)
from antivenom.testing.classifiers import (
    CLASSIFIER_CHECKS,
    check_classifier,
    classifier_changes_its_head,
    classifier_copies_share_nothing,
    classifier_has_features,
    classifier_has_gradients,
    classifier_keeps_its_state,
    classifier_learns,
    classifier_scores_any_number_of_rows,
    classifier_starts_afresh,
)
from antivenom.testing.detectors import (
    DETECTOR_CHECKS,
    check_detector,
    detector_does_not_look_at_the_order,
    detector_finds_what_was_planted,
    detector_is_reproducible,
    detector_leaves_its_inputs_alone,
    detector_settings_round_trip,
)
from antivenom.testing.parts import (
    MODEL_CHECKS,
    SOURCE_CHECKS,
    TRIGGER_CHECKS,
    check_model,
    check_trigger,
    model_builds_from_its_stream,
    model_settings_round_trip,
    source_loads_the_same_twice,
    trigger_is_a_pure_function,
    trigger_settings_round_trip,
)
from antivenom.testing.repairs import (
    REPAIR_CHECKS,
    check_repair,
    repair_is_reproducible,
    repair_keeps_what_was_right,
    repair_leaves_its_inputs_alone,
    repair_settings_round_trip,
)
from antivenom.testing.scans import (
    SCAN_CHECKS,
    check_scan,
    scan_finds_what_was_planted,
    scan_is_reproducible,
    scan_leaves_its_inputs_alone,
    scan_settings_round_trip,
)
from antivenom.testing.second_device import second_device
from antivenom.testing.stream_defences import (
    STREAM_DEFENCE_CHECKS,
    check_stream_defence,
    stream_defence_finds_what_was_planted,
    stream_defence_is_reproducible,
    stream_defence_leaves_its_inputs_alone,
    stream_defence_settings_round_trip,
)
from antivenom.testing.trainings import (
    TRAINING_CHECKS,
    check_training,
    training_is_reproducible,
    training_learns,
    training_leaves_its_inputs_alone,
    training_settings_round_trip,
)

__all__ = [
    "ANALYSIS_CHECKS",
    "ATTACK_CHECKS",
    "CLASSIFIER_CHECKS",
    "DETECTOR_CHECKS",
    "MODEL_CHECKS",
    "REPAIR_CHECKS",
    "SCAN_CHECKS",
    "SOURCE_CHECKS",
    "STREAM_DEFENCE_CHECKS",
    "TRAINING_CHECKS",
    "TRIGGER_CHECKS",
    "analysis_is_reproducible",
    "analysis_leaves_its_inputs_alone",
    "analysis_settings_round_trip",
    "attack_has_an_effect",
    "attack_is_reproducible",
    "attack_keeps_its_rate",
    "attack_keeps_type_and_bounds",
    "attack_leaves_its_inputs_alone",
    "attack_says_which_rows_it_contributed",
    "attack_settings_round_trip",
    "check_analysis",
    "check_attack",
    "check_classifier",
    "check_detector",
    "check_model",
    "check_repair",
    "check_scan",
    "check_stream_defence",
    "check_training",
    "check_trigger",
    "classifier_changes_its_head",
    "classifier_copies_share_nothing",
    "classifier_has_features",
    "classifier_has_gradients",
    "classifier_keeps_its_state",
    "classifier_learns",
    "classifier_scores_any_number_of_rows",
    "classifier_starts_afresh",
    "detector_does_not_look_at_the_order",
    "detector_finds_what_was_planted",
    "detector_is_reproducible",
    "detector_leaves_its_inputs_alone",
    "detector_settings_round_trip",
    "global_state_untouched",
    "model_builds_from_its_stream",
    "model_settings_round_trip",
    "on_device",
    "repair_is_reproducible",
    "repair_keeps_what_was_right",
    "repair_leaves_its_inputs_alone",
    "repair_settings_round_trip",
    "scan_finds_what_was_planted",
    "scan_is_reproducible",
    "scan_leaves_its_inputs_alone",
    "scan_settings_round_trip",
    "second_device",
    "settings_round_trip",
    "source_loads_the_same_twice",
    "stream_defence_finds_what_was_planted",
    "stream_defence_is_reproducible",
    "stream_defence_leaves_its_inputs_alone",
    "stream_defence_settings_round_trip",
    "toy_images",
    "toy_table",
    "training_is_reproducible",
    "training_learns",
    "training_leaves_its_inputs_alone",
    "training_settings_round_trip",
    "trigger_is_a_pure_function",
    "trigger_settings_round_trip",
]
