"""The warning that comes one release before something goes."""

import inspect
import warnings

import pytest

from keras_seismic.deprecation import deprecated, warn_deprecated


@deprecated(removed_in="0.3", instead="ks.new")
def old(x, y=1):
    """The sum.

    Args:
        x: A number.
    """
    return x + y


class Old:
    @deprecated(removed_in="0.3", instead="New")
    def __init__(self, size):
        self.size = size


def test_a_deprecated_function_works_and_warns_where_it_is_called():
    with pytest.warns(
        FutureWarning, match=r"^old is deprecated and goes in 0\.3; use ks\.new$"
    ) as w:
        result = old(2, y=3)
    assert result == 5
    assert w[0].filename == __file__


def test_a_deprecated_class_warns_by_its_own_name():
    with pytest.warns(FutureWarning, match="^Old is deprecated"):
        made = Old(3)
    assert made.size == 3


def test_an_argument_warns_at_the_call_that_passed_it():
    def simulate(shots=None):
        if shots is not None:
            warn_deprecated("simulate(shots=)", "0.3", "simulate(sources=)")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        simulate()
    with pytest.warns(FutureWarning, match="use simulate") as w:
        simulate(shots=1)
    assert w[0].filename == __file__


def test_a_line_warns_once_and_not_at_every_turn():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            old(1)
    assert len(caught) == 1


def test_the_docstring_keeps_its_form_and_says_so():
    text = inspect.getdoc(old)
    assert text.startswith("The sum.\n\nArgs:\n    x: A number.")
    assert text.endswith("Deprecated: goes in 0.3; use ks.new.")
    assert list(inspect.signature(old).parameters) == ["x", "y"]
