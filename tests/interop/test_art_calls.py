"""Every call that ART's test and its notebook make, for an nn.Module, a Keras model and both classifiers of ART."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import torch

from antivenom.interop.art import NeuralCleanse
from tests.helpers.art_models import KINDS, SETTINGS, TARGET, TRIGGERED, X, Y, kinds, made, module, success, trained


@kinds
def test_the_calls_of_arts_test(kind: str) -> None:
    model = KINDS[kind][0]()
    cleanse = NeuralCleanse(model)
    cleansed = cleanse(model, steps=3, patience=3)
    with pytest.warns(UserWarning, match="mitigate changed nothing"):
        cleansed.mitigate(KINDS[kind][1](X), Y, mitigation_types=["filtering", "pruning", "unlearning"])
    assert cleanse._is_fitted == cleanse.is_fitted
    assert cleanse.get_classifier() is model
    cleanse.set_params(batch_size=1)
    assert cleanse.batch_size == cleanse.get_params()["batch_size"] == cleanse(model).batch_size == 1


@pytest.mark.slow
@kinds
def test_the_calls_of_arts_notebook(kind: str) -> None:
    model, cleansed, turn = made(kind, steps=10, learning_rate=0.1)
    x, triggered = turn(X), turn(TRIGGERED)
    mask, pattern = cleansed.generate_backdoor(x, Y, np.array([0, 1, 0, 0, 0, 0, 0, 0, 0, 0]))
    assert mask.shape == pattern.shape == np.squeeze(mask * pattern)[..., None].shape or mask.shape == (1, 8, 8)
    before = success(cleansed, triggered)
    assert before > 0.9
    repairs = ["filtering"], ["unlearning"], ["pruning"], ["pruning", "filtering"]
    for kinds_of_repair in repairs if kind != "KerasClassifier" else repairs[:1]:  # it has the model of "Keras"
        cleansed = NeuralCleanse(model)(model, **SETTINGS)
        cleansed.mitigate(x, Y, mitigation_types=kinds_of_repair)
        assert cleansed.verdict is not None
        assert TARGET in cleansed.verdict.suspected
        if kinds_of_repair != ["pruning"]:
            assert success(cleansed, triggered) < before
        assert (cleansed.predict(x).argmax(1) == Y.argmax(1)).mean() > 0.8
        if "filtering" in kinds_of_repair:
            refused = np.all(cleansed.predict(triggered) == np.zeros(10), axis=1)
            assert refused.mean() > 0.5
            assert cleansed.top_indices
            assert cleansed.activation_threshold > 0
        fresh = NeuralCleanse(model)(model)
        assert success(fresh, triggered) == before, "the wrapped model is as it was"


@kinds
def test_arts_attacks_accept_the_result(kind: str) -> None:
    attacks = pytest.importorskip("art.attacks.evasion", reason="ART is not installed")
    _, cleansed, turn = made(kind, steps=1)
    x = turn(X[:40])
    right = (cleansed.predict(x).argmax(1) == Y[:40].argmax(1)).mean()
    for attack in (
        attacks.FastGradientMethod(cleansed, eps=0.3),
        attacks.ProjectedGradientDescent(cleansed, eps=0.3, eps_step=0.1, max_iter=5, verbose=False),
    ):
        attacked = attack.generate(x, Y[:40])
        assert attacked.shape == x.shape
        assert (cleansed.predict(attacked).argmax(1) == Y[:40].argmax(1)).mean() < 0.7 * right


def test_a_module_of_unknown_shape_says_so_and_input_shape_states_it() -> None:
    pytest.importorskip("art.attacks.evasion", reason="ART is not installed")
    unknown = NeuralCleanse(module())(module(), steps=1)
    with pytest.raises(AttributeError, match="pass input_shape"):
        unknown.nb_classes  # noqa: B018
    known = NeuralCleanse(module())(module(), steps=1, input_shape=(1, 8, 8))
    assert (known.nb_classes, known.input_shape) == (10, (1, 8, 8))  # type: ignore[attr-defined]


@kinds
def test_a_result_can_be_pickled_and_copied(kind: str) -> None:
    _, cleansed, turn = made(kind, steps=1)
    x = turn(X)
    before = cleansed.predict(x)
    cleansed.outlier_detection(x, Y)
    for other in (pickle.loads(pickle.dumps(cleansed)), copy.deepcopy(cleansed)):
        assert np.allclose(other.predict(x), before, atol=1e-6)
        assert type(other) is type(cleansed)
        assert other.steps == 1
        assert other.verdict.summary() == cleansed.verdict.summary()  # type: ignore[union-attr]


@kinds
def test_fit_uses_the_users_optimizer_and_clones_can_be_refitted(kind: str) -> None:
    model, cleansed, turn = made(kind, steps=1)
    x, y = trained()
    cleansed.predict(turn(X[:1]))
    torch.manual_seed(1)
    clone = cleansed.clone_for_refitting()
    assert type(clone) is type(cleansed)
    untrained = (clone.predict(turn(X)).argmax(1) == Y.argmax(1)).mean()
    clone.fit(turn(x), y, batch_size=32, nb_epochs=6)
    assert (clone.predict(turn(X)).argmax(1) == Y.argmax(1)).mean() > untrained + 0.3
    assert success(cleansed, turn(TRIGGERED)) == success(NeuralCleanse(model)(model), turn(TRIGGERED))
    if kind == "PyTorchClassifier":
        assert clone.optimizer.defaults["lr"] == 5e-3  # type: ignore[attr-defined]
        assert type(clone.optimizer) is torch.optim.Adam  # type: ignore[attr-defined]


@kinds
def test_layers_have_names_and_activations_as_in_art(kind: str) -> None:
    model, cleansed, turn = made(kind, steps=1)
    x = turn(X[:20])
    cleansed.predict(x)
    names = cleansed.layer_names
    assert len(names) == (7 if kind in ("nn.Module", "PyTorchClassifier") else 4)
    hidden = cleansed.get_activations(x, len(names) - (3 if "Keras" not in kind else 1), batch_size=8)
    assert hidden.shape == (20, 32)
    assert cleansed.get_activations(x, names[0]).shape in ((20, 8, 8, 8), (20, 6, 6, 8))
    assert cleansed.get_activations(x[:3], names[0], framework=True).requires_grad
    if kind == "PyTorchClassifier":
        assert names == model.layer_names
        for layer in range(len(names)):
            assert np.allclose(cleansed.get_activations(x, layer), model.get_activations(x, layer), atol=1e-5)


@kinds
def test_reset_keeps_the_weights(kind: str) -> None:
    _, cleansed, turn = made(kind, steps=1)
    before = cleansed.predict(turn(X))
    cleansed.outlier_detection(turn(X), Y)
    cleansed.reset()
    assert cleansed.verdict is None
    assert np.array_equal(cleansed.predict(turn(X)), before)


def test_no_warning_without_repairs() -> None:
    cleansed = NeuralCleanse(module())(module(), steps=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cleansed.mitigate(X, Y, [])
