"""Several scans with one promise."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from antivenom.calling import guarded
from antivenom.data import Dataset
from antivenom.defences import Scan, Subject, Verdict
from antivenom.defences.battery import Battery
from antivenom.defences.mm_bd import MMBD
from antivenom.defences.neural_cleanse import NeuralCleanse
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.models import MLP, Classifier
from antivenom.rng import Rng
from antivenom.testing import toy_images
from tests.helpers.planted import CLEAN, planted

NAN = float("nan")


ERRORS = {"DataError": DataError, "CapabilityError": CapabilityError, "ZeroDivisionError": ZeroDivisionError}


@dataclass(frozen=True)
class Fixed:
    """A scan with fixed p-values, for classes or, with `sources`, for pairs of classes with target 2; or an error."""

    p: tuple[float, ...] = ()
    sources: tuple[int, ...] = ()
    error: str = ""

    needs: ClassVar[frozenset[str]] = frozenset()

    def scan(self, classifier: Classifier, clean: Dataset | None, *, rng: Rng) -> Verdict:
        if self.error:
            raise ERRORS[self.error]("the reason of " + self.error)
        p = torch.tensor(self.p, dtype=torch.float64)
        pairs = [Subject(source=source, target=2) for source in self.sources]
        return Verdict(
            subjects=tuple(pairs or [Subject(target=number) for number in range(len(p))]),
            statistic=p,
            p_value=p,
            flagged=p <= 0.05,
            inconclusive=p.isnan(),
            false_alarm_rate=0.05,
            untested=("Nothing is tested.",),
            assumptions=("An assumption.",),
            doubts=(f"A doubt about {self.p[0]:g}.",),
        )


NETWORK = MLP(hidden=(3,)).build(input_shape=(1, 2, 2), classes=4, bounds=(0, 1), rng=Rng(0))


def run(*scans: Fixed, stop: bool = False) -> Verdict:
    return Battery(scans=scans, stop_when_sure=stop).scan(NETWORK, None, rng=Rng(0))


def test_each_class_has_its_smallest_p_value_times_the_number_of_scans() -> None:
    verdict = run(Fixed((0.01, 0.9, NAN, NAN)), Fixed((0.4, 0.7, 0.03, NAN)))
    expected = torch.tensor([0.02, 1.0, 0.06, NAN], dtype=torch.float64)
    torch.testing.assert_close(verdict.p_value, expected, equal_nan=True)
    assert verdict.suspected == (0,)
    assert verdict.inconclusive.tolist() == [False, False, False, True]
    assert [each.nan_to_num(9).tolist()[0] for each in verdict.details.values()] == [0.01, 0.4]


def test_assumptions_and_doubts_of_the_scans_are_kept() -> None:
    verdict = run(Fixed((0.9, 1.0, 1.0, 1.0)), Fixed((0.8, 1.0, 1.0, 1.0)))
    assert verdict.doubts == ("A doubt about 0.9.", "A doubt about 0.8.")
    assert verdict.assumptions[0] == "An assumption."
    assert len(set(verdict.assumptions)) == len(verdict.assumptions)


def test_pairs_count_for_their_target() -> None:
    verdict = run(Fixed((0.2, 0.004), sources=(0, 1)))
    assert verdict.suspected == (2,)
    assert float(verdict.p_value[2]) == pytest.approx(0.004)


def test_a_scan_that_refuses_is_left_out_and_does_not_cost_power() -> None:
    verdict = run(Fixed((0.04, 1.0, 1.0, 1.0)), Fixed(error="DataError"))
    assert verdict.suspected == (0,)
    assert any("was not run: the reason of DataError" in each for each in verdict.untested)


def test_if_all_scans_refuse_the_first_reason_is_raised() -> None:
    with pytest.raises(CapabilityError, match="CapabilityError"):
        run(Fixed(error="CapabilityError"), Fixed(error="DataError"))


def test_other_errors_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run(Fixed((1.0, 1.0, 1.0, 1.0)), Fixed(error="ZeroDivisionError"))


@pytest.mark.parametrize(("first", "ran"), [(0.02, 1), (0.03, 2)])
def test_it_stops_when_the_first_scan_is_sure_enough_for_all(first: float, ran: int) -> None:
    verdict = run(Fixed((first, 1.0, 1.0, 1.0)), Fixed((0.9, 1.0, 1.0, 1.0)), stop=True)
    assert len(verdict.details) == ran
    assert any("`stop_when_sure`" in each for each in verdict.untested) == (ran == 1)


@pytest.mark.parametrize("stop", [False, True])
def test_the_promise_holds_for_independent_and_for_equal_scans(stop: bool) -> None:
    draw = Rng(0).numpy()
    alarms = {True: 0, False: 0}
    for _ in range(600):
        for equal in alarms:
            first, second = draw.random(2)
            p = [(value, 1.0, 1.0, 1.0) for value in (first, first if equal else second)]
            alarms[equal] += run(*map(Fixed, p), stop=stop).is_suspicious
    assert max(alarms.values()) / 600 <= 0.05 + 3 * (0.05 * 0.95 / 600) ** 0.5
    assert alarms[False] / 600 > 0.02


def test_the_battery_of_a_real_network() -> None:
    victim, _, _ = planted()
    battery = Battery(scans=(MMBD(), NeuralCleanse(steps=300, batch_size=24)))
    verdict = guarded(battery, Scan.scan, Verdict)(victim, CLEAN, rng=Rng(0))
    assert int(verdict.p_value.argmin()) == 2
    assert [chart.name for chart in verdict.charts()] == ["p_values", "margins", "norms", "triggers"]
    assert verdict.triggers is not None
    assert (verdict.figure("rows_scored") or 0) > MMBD().scan(victim, None, rng=Rng(0)).figure("rows_scored")
    without = guarded(battery, Scan.scan, Verdict)(victim, None, rng=Rng(0))
    assert any("neural_cleanse was not run" in each for each in without.untested)


def test_two_scans_of_a_kind_are_named_by_their_difference() -> None:
    victim, _, _ = planted()
    verdict = Battery(scans=(MMBD(starts=1), MMBD(starts=2))).scan(victim, toy_images(8), rng=Rng(0))
    assert [chart.name for chart in verdict.charts()] == ["p_values", "margins", "margins_2"]
    assert list(verdict.details) == ["p_value.mm_bd(starts=1)", "p_value.mm_bd(starts=2)"]


def test_no_scans_are_refused() -> None:
    with pytest.raises(SettingsError, match="at least one scan"):
        Battery(scans=())
