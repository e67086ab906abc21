"""The weights with which a training starts: those that a user loaded, in Python as in a spec."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from sklearn.naive_bayes import GaussianNB
from torch import nn

from antivenom import Experiment
from antivenom.attacks import LabelFlip
from antivenom.data import Splits
from antivenom.metrics import accuracy
from antivenom.models import Classifier, as_classifier
from antivenom.models.module import Module
from antivenom.models.restoring import restored
from antivenom.rng import Rng
from antivenom.storage.keys import identity
from antivenom.storage.store import Store
from antivenom.testing import toy_images
from antivenom.training.end_to_end import EndToEnd
from tests.helpers.keras_models import keras_models

DATA = toy_images()
STARTS = "Trainings start with the"
REPLACED = "A training does not start with the weights of your module; it draws new ones."
NOTHING = EndToEnd(epochs=1, learning_rate=1e-12)


def net(seed: int = 1) -> nn.Module:
    with Rng(seed).torch_globally():
        return nn.Sequential(
            nn.Flatten(), nn.Linear(DATA.x[0].numel(), 16), nn.ReLU(), nn.Linear(16, len(DATA.classes))
        )


def blank(seed: int = 1) -> Classifier:
    return as_classifier(net(seed), input_shape=DATA.shape)


@pytest.fixture(scope="module")
def good() -> Classifier:
    trained = EndToEnd(epochs=40, learning_rate=0.01).fit(blank(), DATA, rng=Rng(0))
    assert accuracy(trained, DATA) > 0.9
    return trained


def about(classifier: Classifier, start: str) -> list[str]:
    return [each for each in classifier.assumptions if start in each]


def test_a_training_starts_with_the_weights_that_a_user_loaded(good: Classifier) -> None:
    loaded = blank(7).with_state(good.state())
    assert about(loaded, STARTS)
    assert accuracy(NOTHING.fit(loaded, DATA, rng=Rng(3)), DATA) > 0.9
    assert torch.equal(loaded.fresh(Rng(5)).scores(DATA.inputs()), good.scores(DATA.inputs()))


def test_an_experiment_starts_with_the_weights_that_a_user_loaded(good: Classifier, tmp_path: Path) -> None:
    loaded = blank(7).with_state(good.state())
    run = Experiment(
        dataset=Splits(train=DATA, test=toy_images(seed=5)), model=loaded, attack=LabelFlip(rate=0.1), training=NOTHING
    )
    store = Store(tmp_path)
    first, second = run.run(store=store), run.run(store=store)  # the second one reads the store
    assert all(stage["stored"] for stage in second.about["stages"] if stage["stage"].startswith("fit"))
    for result in (first, second):
        assert result.metrics["model.clean_accuracy.control"]["mean"] > 0.9
        assert [each for each in result.assumptions if STARTS in each]
        assert not [each for each in result.assumptions if REPLACED in each]


def test_a_victim_from_the_store_is_trained_again_like_the_one_that_was_computed(good: Classifier) -> None:
    for architecture in (blank(7), blank(7).with_state(good.state())):
        computed = NOTHING.fit(architecture, DATA, rng=Rng(3))
        read = restored(architecture, computed.state())
        assert torch.equal(read.fresh(Rng(4)).scores(DATA.inputs()), computed.fresh(Rng(4)).scores(DATA.inputs()))
        assert read.assumptions == computed.assumptions


def test_the_key_of_a_stage_depends_on_the_starting_weights(good: Classifier) -> None:
    state = good.state()
    other = {name: value + 1 for name, value in state.items()}
    models = [
        restored(blank(7), state),
        blank(7).with_state(state),
        restored(blank(7).with_state(other), state),
    ]
    assert len({repr(identity("models", each)) for each in models}) == len(models)


def test_loaded_weights_are_not_said_to_be_replaced(good: Classifier) -> None:
    module = net()
    module.load_state_dict(good.state())
    as_it_is = as_classifier(module, input_shape=DATA.shape)
    assert about(as_it_is, REPLACED)
    assert "with_state" in about(as_it_is, REPLACED)[0]
    kept = as_it_is.with_state(as_it_is.state())
    assert not about(kept, REPLACED)
    assert about(kept, STARTS)


def test_lazy_layers_have_no_new_weights_after_weights_are_loaded() -> None:
    lazy = as_classifier(nn.Sequential(nn.Flatten(), nn.LazyLinear(len(DATA.classes))), input_shape=DATA.shape)
    assert about(lazy, "and new weights: 1.")
    loaded = lazy.with_state(lazy.state())
    assert about(loaded, "1 lazy layer has the size that one row requires: 1.")
    assert not about(loaded, "and new weights")


def test_the_doubt_about_a_failed_training_names_the_weights_that_it_did_not_use(good: Classifier) -> None:
    module = net()
    module.load_state_dict(good.state())
    run = Experiment(
        dataset=Splits(train=DATA, test=toy_images(seed=5)),
        model=as_classifier(module, input_shape=DATA.shape),
        attack=LabelFlip(rate=0.1),
        training=NOTHING,
    )
    (doubt,) = (each for each in run.run(store=None).doubts if "hardly better than guessing" in each)
    assert REPLACED in doubt
    assert "To start with yours: classifier.with_state(classifier.state())" in doubt


def test_a_new_head_draws_new_weights_again(good: Classifier) -> None:
    other = blank(7).with_state(good.state()).with_head(3, Rng(0))
    assert not torch.equal(other.fresh(Rng(1)).state()["1.weight"], good.state()["1.weight"])


def test_a_spec_says_with_which_weights_its_trainings_start(good: Classifier, tmp_path: Path) -> None:
    file = tmp_path / "start.safetensors"
    save_file(good.state(), file)
    named = Module(factory=f"{__name__}:net", weights=str(file))
    made = named.build(input_shape=DATA.shape, classes=len(DATA.classes), bounds=DATA.bounds, rng=Rng(0))
    assert str(file) in about(made, STARTS)[0]
    assert accuracy(NOTHING.fit(made, DATA, rng=Rng(3)), DATA) > 0.9


def test_a_fitted_estimator_says_that_a_training_replaces_it() -> None:
    x, y = DATA.inputs().flatten(1).numpy(), DATA.y.numpy()
    fitted = as_classifier(GaussianNB().fit(x, y), input_shape=DATA.shape)
    assert about(fitted, "A training fits it again")


@pytest.mark.slow
def test_keras_models_follow_the_same_rule() -> None:
    classifier = as_classifier(keras_models()["sequential"], input_shape=DATA.shape)
    assert not about(classifier, REPLACED)
    trained = EndToEnd(epochs=20, batch_size=32, learning_rate=2e-2).fit(classifier, DATA, rng=Rng(0))
    loaded = classifier.with_state(trained.state())
    assert about(loaded, STARTS)
    assert accuracy(NOTHING.fit(loaded, DATA, rng=Rng(1)), DATA) > 0.9
    again = as_classifier(trained.module, input_shape=DATA.shape)
    assert about(again, REPLACED)
