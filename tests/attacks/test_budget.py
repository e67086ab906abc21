"""How many rows an attacker contributes, which ones, and where they stand."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from antivenom.attacks import Attack, CoverBudget, KeepsRounds, PoisonBudget, TrainsGenerator
from antivenom.data import COVER, POISON, Dataset, Poisoned
from antivenom.errors import CapabilityError, SettingsError
from antivenom.goals import Availability
from antivenom.models import MLP, Classifier, Estimator
from antivenom.models.require import require
from antivenom.registry import entries
from antivenom.rng import Rng
from antivenom.settings import Count, build, component, describe, documentation, settings_of
from antivenom.shapes import Chosen
from antivenom.testing import toy_images, toy_table
from tests.helpers.toys import Covered

DATA = toy_images()
INHERIT = [
    "badnets",
    "generative_poison",
    "gradient_poison",
    "label_flip",
    "loss_poison",
    "poison_file",
    "random_noise",
]


@component
class OfClass(PoisonBudget):
    """Poisons rows of one class."""

    of: Count = 0

    def eligible(self, data: Dataset) -> Chosen:
        return data.y == self.of

    def problems(self, data: Dataset) -> Iterator[str]:
        if self.of == 3:
            yield "does not poison class 3."
        yield from super().problems(data)

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        return self.contribute(data, self.choose(data, rng), goal=Availability())


@component
class Picky(PoisonBudget):
    """Needs much of the data."""

    needs = frozenset({"images", "bounds"})


# How many -------------------------------------------------------------------------------------------------------------


@given(st.floats(0, 0.9), st.sampled_from(["replace", "append"]))
def test_a_rate_is_the_poisoned_share_of_the_final_training_set(rate: float, mode: Any) -> None:
    budget = PoisonBudget(rate=rate, mode=mode)
    poisoned = budget.contribute(DATA, torch.arange(min(240, budget.poison_count(DATA))), goal=Availability())
    if budget.poison_count(DATA) <= 240:
        assert abs(poisoned.poison_rate - rate) <= 1 / len(DATA)
    assert (poisoned.appended == 0) is (mode == "replace" or budget.poison_count(DATA) == 0)


def test_a_count_is_taken_as_it_is_and_a_tenth_is_the_default() -> None:
    assert PoisonBudget(count=7).poison_count(DATA) == PoisonBudget(count=7, mode="append").poison_count(DATA) == 7
    assert PoisonBudget(count=0).poison_count(DATA) == 0
    assert PoisonBudget().rate == 0.1
    assert PoisonBudget(count=7).rate is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate": 0.2, "count": 5}, "OfClass.rate and count cannot both be set; got 0.2 and 5."),
        ({"rate": 1.0, "mode": "append"}, "OfClass.rate must be below 1 in mode 'append'; got 1."),
        ({"rate": 1.5}, "OfClass.rate must be in [0, 1] or null; got 1.5."),
        ({"count": -1}, "OfClass.count must be at least 0 or null; got -1."),
        ({"mode": "insert"}, "OfClass.mode must be one of 'replace', 'append'; got 'insert'."),
    ],
)
def test_a_budget_that_contradicts_itself_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        OfClass(**settings)
    assert caught.value.problems == (message,)


def test_a_budget_survives_being_written_with_either_rate_or_count() -> None:
    for made in (Covered(), Covered(count=3), Covered(rate=0.3, mode="append")):
        assert build("attacks", describe("attacks", made), path="attack", allow_code=True) == made


# Which rows -----------------------------------------------------------------------------------------------------------


def test_only_eligible_rows_are_chosen_and_a_higher_rate_takes_the_same_and_more() -> None:
    few, many = (OfClass(count=count, of=2).choose(DATA, Rng(0)) for count in (10, 30))
    assert (len(few), len(many)) == (10, 30)
    assert set(few.tolist()) < set(many.tolist())
    assert DATA.y[many].unique().tolist() == [2]
    assert many.tolist() == sorted(many.tolist())


def test_rows_are_chosen_by_id_and_not_by_place() -> None:
    backwards = DATA.subset(torch.arange(len(DATA)).flip(0))
    ids = [data.ids[OfClass(count=10).choose(data, Rng(0))] for data in (DATA, backwards)]
    assert set(ids[0].tolist()) == set(ids[1].tolist())


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        OfClass(count=100, of=3).choose(DATA, Rng(0))
    assert caught.value.problems == (
        "OfClass does not poison class 3.",
        "OfClass needs 100 rows; 60 of 240 are eligible. Lower its rate or count.",
    )


def test_what_the_data_lacks_is_told() -> None:
    Picky().check(DATA)
    with pytest.raises(SettingsError) as caught:
        Picky().check(replace(toy_table(), bounds=None))
    assert caught.value.problems == (
        "Picky requires images; the rows of the data have shape (8,).",
        "Picky requires the range of the data. x contains 0.000190198 to 0.948368. "
        "Set dataset.bounds, for example [0, 1]; for data made in Python, pass bounds=(0, 1) to Dataset.from_arrays.",
    )


# What is contributed --------------------------------------------------------------------------------------------------


def test_what_is_left_out_stays_as_it_is() -> None:
    rows = torch.tensor([3, 8])
    made = PoisonBudget(mode="append").contribute(DATA, rows, goal=Availability(), y=torch.tensor([0, 1]))
    assert torch.equal(made.x, DATA.x[rows])
    assert (made.y.tolist(), made.origin.tolist(), made.rows.tolist()) == ([0, 1], [3, 8], [240, 241])
    made = PoisonBudget().contribute(DATA, rows, goal=Availability(), x=255 - DATA.x[rows])
    assert torch.equal(made.y, DATA.y[rows])
    assert made.rows.tolist() == made.origin.tolist() == [3, 8]


# Covers ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["replace", "append"])
@pytest.mark.parametrize("budget", [{"rate": 0.1}, {"count": 20}, {"rate": 0.0}])
def test_covers_come_on_top_of_the_poison_and_are_none(mode: Any, budget: dict[str, Any]) -> None:
    made = Covered(cover_rate=0.25, mode=mode, **budget).poison(DATA, rng=Rng(0))
    share = budget["rate"] if "rate" in budget else 20 / len(made.data)
    assert abs(made.poison_rate - share) <= 1 / len(DATA)
    assert abs(made.cover_rate - 0.25) <= 1 / len(DATA)
    covers, poison = made.role == COVER, made.role == POISON
    assert torch.equal(made.y[covers], DATA.y[made.origin[covers]])
    assert not set(made.origin[covers].tolist()) & set(made.origin[poison].tolist())
    assert int(made.is_poison.sum()) == int(poison.sum())
    assert made.appended == (len(made.rows) if mode == "append" else 0)
    assert len(made.control(Rng(0))) == len(made.data)


def test_covers_do_not_change_which_rows_are_poisoned() -> None:
    with_covers, without = (Covered(rate=0.1, cover_rate=rate).poison(DATA, rng=Rng(0)) for rate in (0.3, 0.0))
    assert torch.equal(with_covers.rows[with_covers.role == POISON], without.rows)
    assert torch.equal(with_covers.x[with_covers.role == POISON], without.x)
    more = Covered(rate=0.1, cover_rate=0.4).poison(DATA, rng=Rng(0))
    assert set(with_covers.rows.tolist()) < set(more.rows.tolist())


def test_too_many_covers_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"needs 168 cover rows; 120 of 240 rows are left\. Lower its cover_rate"):
        Covered(rate=0.5, cover_rate=0.7).poison(DATA, rng=Rng(0))
    with pytest.raises(SettingsError, match=r"Covered\.rate \+ cover_rate must be below 1 .* got 1\.2"):
        Covered(rate=0.5, cover_rate=0.7, mode="append")


def test_covers_are_drawn_from_rows_that_can_be_covers() -> None:
    @component
    class Narrow(CoverBudget):
        def coverable(self, data: Dataset) -> Chosen:
            return data.y == 1

    budget = Narrow(rate=0.1, cover_rate=0.05)
    rows = budget.choose(DATA, Rng(0))
    covers = budget.choose_covers(DATA, rows, Rng(0))
    assert DATA.y[covers].unique().tolist() == [1]
    with pytest.raises(SettingsError, match="needs 48 cover rows; 36 of 240 rows are left"):
        Narrow(rate=0.1, cover_rate=0.2).choose(DATA, Rng(0))


def test_rounds_and_evidence_survive_covers() -> None:
    rows, covers = torch.arange(4), torch.arange(10, 13)
    rounds = torch.stack([DATA.x[rows], 255 - DATA.x[rows]], 1)
    made = PoisonBudget().contribute(DATA, rows, goal=Availability(), x=rounds[:, -1], rounds=rounds)
    from antivenom.charts import Figure

    seen = made.with_evidence((Figure(name="moved", value=0.5),)).with_covers(covers, DATA.x[covers], append=False)
    assert seen.rounds is not None
    assert torch.equal(seen.rounds[:, -1], seen.x)
    assert [figure.key for figure in seen.figures] == ["moved"]


# Contracts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", INHERIT)
def test_attacks_that_take_a_share_of_the_rows_inherit_the_budget(name: str) -> None:
    cls = entries("attacks")[name].load()
    assert issubclass(cls, PoisonBudget)
    assert [key for key, _, _ in settings_of(cls)][:3] == ["rate", "count", "mode"]
    assert documentation(cls).count("    rate: the share of the final training set that is poison") == 1
    assert documentation(cls).count("    mode: `") == 1


def test_defaults_are_the_attacks_own() -> None:
    from antivenom.attacks import BadNets, Chaff, LossPoison

    assert (BadNets().appends, LossPoison().appends, Chaff().appends) == (False, True, True)
    assert isinstance(Chaff(), Attack)
    assert LossPoison().needs == {"surrogate"}


def test_attacks_that_craft_in_rounds_say_so() -> None:
    from antivenom.attacks import BadNets, GenerativePoison, GradientPoison

    assert GradientPoison(count=3).keeping_rounds() == GradientPoison(count=3, keep_rounds=True)
    assert [isinstance(each, KeepsRounds) for each in (GradientPoison(), GenerativePoison(), BadNets())] == [1, 1, 0]
    assert [isinstance(each, TrainsGenerator) for each in (GradientPoison(), GenerativePoison())] == [0, 1]


def test_what_a_classifier_does_not_provide_is_refused_by_name() -> None:
    linear = Estimator(class_name="LogisticRegression").build(
        input_shape=(1, 6, 6), classes=4, bounds=(0, 1), rng=Rng(0)
    )
    network = MLP().build(input_shape=(1, 6, 6), classes=4, bounds=(0, 1), rng=Rng(0))
    require(network, "gradients", by="Mine")
    name = linear.name
    with pytest.raises(CapabilityError, match=f"Mine requires gradients, which {name} does not provide. Pass an nn"):
        require(linear, "gradients", by="Mine")
