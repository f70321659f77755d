"""The error tree: what the user can mend, what a message says, what crosses processes."""

import copy
import pickle

import pytest

from untrained.foundation import (
    MalformedInput,
    MissingData,
    StorageError,
    UnknownName,
    Unsupported,
    UntrainedError,
    UserError,
    suggest,
)


@pytest.mark.parametrize("kind", [MalformedInput, MissingData, StorageError, UnknownName])
def test_what_the_user_can_mend_is_a_user_error(kind):
    assert issubclass(kind, UserError)
    assert issubclass(kind, UntrainedError)


def test_what_an_indicator_lacks_is_not_the_users_mistake():
    assert issubclass(Unsupported, UntrainedError)
    assert not issubclass(Unsupported, UserError)


def test_an_unknown_name_is_a_key_error_with_a_readable_text():
    error = UnknownName("indicator", "nasw0t", ["snip", "naswot"], "untrained list indicators")
    assert isinstance(error, KeyError)
    assert str(error) == (
        "no indicator named 'nasw0t'; did you mean naswot? (untrained list indicators)"
    )
    assert (error.name, error.known) == ("nasw0t", ["naswot", "snip"])
    assert str(UnknownName("space", "x", [])) == "no space named 'x'; there are none"


@pytest.mark.parametrize("clone", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
def test_an_unknown_name_survives_a_process_boundary(clone):
    error = UnknownName("indicator", "nasw0t", ["snip", "naswot"], "a hint")
    again = clone(error)
    assert type(again) is UnknownName
    assert str(again) == str(error)
    assert (again.name, again.known) == (error.name, error.known)


@pytest.mark.parametrize(
    "kind", [UntrainedError, UserError, MalformedInput, MissingData, StorageError, Unsupported]
)
def test_every_other_error_survives_a_process_boundary(kind):
    again = pickle.loads(pickle.dumps(kind("a reason")))
    assert type(again) is kind
    assert str(again) == "a reason"


@pytest.mark.parametrize(
    ("name", "known", "text"),
    [
        ("nasw0t", ["snip", "naswot"], "did you mean naswot?"),
        ("NASWOT", ["snip", "naswot"], "did you mean naswot?"),
        ("cifar", ["cifar100", "cifar10", "svhn"], "did you mean cifar10 or cifar100?"),
        ("zzz", ["snip", "naswot"], "there are: naswot, snip"),
        ("zzz", [], "there are none"),
    ],
)
def test_a_suggestion_is_the_nearest_or_everything(name, known, text):
    assert suggest(name, known) == text
