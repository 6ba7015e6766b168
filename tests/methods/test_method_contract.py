"""Every registered method keeps the contract."""

from __future__ import annotations

import inspect

import pytest

import methods
from methods import testing

QUICKER = {
    "imblearn:InstanceHardnessThreshold": {"parameters": {"cv": 2}},
    "easy-ensemble": {"subsets": 2},
    "balanced-random-forest": {"parameters": {"n_estimators": 5}},
    "random-forest-probe": {"trees": 5},
    "imblearn:EasyEnsembleClassifier": {"parameters": {"n_estimators": 2}},
    "imblearn:BalancedRandomForestClassifier": {"parameters": {"n_estimators": 5}},
}


@pytest.mark.parametrize("name", methods.available())
def test_a_method_keeps_the_contract(name):
    testing.check_method(name, **QUICKER.get(name, {}))


@pytest.mark.slow
@pytest.mark.parametrize("name", methods.prefixed())
def test_any_class_of_imbalanced_learn_copes_with_any_data(name):
    few = ["trains", "two-and-ten-classes", "one-image-in-a-class", "other-process", "parameters-in-record"]
    testing.check_method(name, few, **QUICKER.get(name, {}))


@pytest.mark.parametrize("name", methods.available())
def test_a_method_says_what_it_is(name):
    cls = methods.get(name)
    assert cls.reference
    assert cls.family in methods.FAMILIES
    assert inspect.getdoc(cls) != inspect.getdoc(cls.__mro__[1]), "no docstring of its own"
    assert cls().model_dump() == {field: cls().model_dump()[field] for field in cls.model_fields}


def test_the_table_of_the_field_is_complete():
    table = """cross-entropy oversampling undersampling sqrt-sampling progressive-sampling smote weighted-cross-entropy
        class-balanced focal class-balanced-focal ldam-drw balanced-softmax logit-adjustment posthoc-logit-adjustment
        cdt label-aware-smoothing influence-balanced crt lws tau-norm ncm two-phase mixup remix cgan under-bagging
        balance-cascade self-paced-ensemble bbn multiscale-two-stage vs-loss disalign etf-classifier sade
        mislas weight-balancing logit-adjustment-sam
        patchcore padim mahalanobis knn-distance linear-probe svm-probe nearest-neighbours random-forest-probe"""
    assert {methods.canonical(name) for name in table.split()} <= set(methods.available())
    assert {"imblearn:SMOTE", "imblearn:ADASYN", "imblearn:RUSBoostClassifier"} <= set(methods.prefixed())


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("focal", {"gamma": -1}, "gamma"),
        ("focal", {"gama": 1}, "did you mean 'gamma'"),
        ("focal", {"gamma": float("nan")}, "gamma"),
        ("class-balanced", {"beta": 1.0}, "beta"),
        ("crt", {"second_share": 0}, "second_share"),
        ("smote", {"parameters": {"kneighbours": 3}}, "has no parameter 'kneighbours'"),
        ("under-bagging", {"base": "nonsense"}, "unknown method 'nonsense'"),
        ("fokal", {}, "did you mean 'focal'"),
        ("imblearn:SMOT", {}, "did you mean 'imblearn:SMOTE'"),
    ],
)
def test_a_wrong_name_or_parameter_is_explained(name, parameters, message):
    with pytest.raises(methods.UnknownMethodError, match=message):
        methods.create(name, **parameters)


def test_an_exact_copy_is_an_alias_that_is_taken_wherever_a_name_is():
    assert methods.aliases().items() >= {"balanced-softmax": "logit-adjustment"}.items()
    assert type(methods.create("balanced-softmax", tau=0.5)) is type(methods.create("logit-adjustment"))
    assert methods.expand(["balanced-softmax", "logit-adjustment"]) == ["logit-adjustment"]
    assert "balanced-softmax" not in methods.available()
    with pytest.raises(methods.UnknownMethodError, match="did you mean 'balanced-softmax'"):
        methods.create("balanced-sofmax")
    with pytest.raises(ValueError, match=r"'balanced-softmax' is registered already, by methods\.cost"):
        methods.register("balanced-softmax", family="baseline", source="x")(type("Mine", (methods.NetworkMethod,), {}))


def test_names_take_wildcards():
    assert methods.expand(["imblearn:*SMOTE*", "focal"])[-1] == "focal"
    assert "imblearn:BorderlineSMOTE" in methods.expand(["imblearn:*SMOTE*"])
    left_out = set(methods.available()) - set(methods.expand(["*"]))
    assert left_out == {n for n in methods.available() if "ablation" in methods.get(n).reference}
    assert "multiscale-scratch" in methods.expand(["*-scratch"])
