import pickle

import pytest

from kerastransfer import errors

BUILTIN = {
    errors.InputError: ValueError,
    errors.RecipeError: ValueError,
    errors.DataError: ValueError,
    errors.WeightsError: ValueError,
    errors.MissingError: FileNotFoundError,
    errors.UnknownNameError: LookupError,
}


def tree(parent):
    for child in parent.__subclasses__():
        yield child
        yield from tree(child)


def test_every_error_has_one_ancestor_and_a_builtin_one():
    own = {
        e for e in tree(errors.KerasTransferError) if e.__module__ == errors.__name__
    }
    assert own == {*BUILTIN, errors.Terminated}
    for error, builtin in BUILTIN.items():
        assert issubclass(error, builtin)


def test_a_recipe_error_is_an_input_error():
    assert issubclass(errors.RecipeError, errors.InputError)


@pytest.mark.parametrize(
    "error", [e for e in BUILTIN if e.__name__ != "UnknownNameError"]
)
def test_the_message_is_the_text_also_after_a_trip_between_processes(error):
    there_and_back = pickle.loads(pickle.dumps(error("digits: 3 images are missing.")))
    assert type(there_and_back) is error
    assert str(there_and_back) == "digits: 3 images are missing."


def test_the_end_by_a_signal_keeps_its_code_on_a_trip_between_processes():
    there_and_back = pickle.loads(pickle.dumps(errors.Terminated(143)))
    assert there_and_back.code == 143
    assert str(there_and_back) == str(errors.Terminated(143))


def test_an_unknown_name_survives_a_trip_between_processes():
    error = errors.UnknownNameError("dataset", "xyz", [])
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str(error) == "Unknown dataset 'xyz'; known: none."


def test_an_unknown_name_lists_every_known_one_in_order():
    error = errors.UnknownNameError("dataset", "xyz", ["sun397", "coral", "digits"])
    assert str(error) == "Unknown dataset 'xyz'; known: coral, digits, sun397."


@pytest.mark.parametrize("typed", ["digit", "DIGITS", "digts"])
def test_an_unknown_name_hints_at_the_closest(typed):
    error = errors.UnknownNameError("dataset", typed, iter(["sun397", "digits"]))
    assert str(error) == (
        f"Unknown dataset {typed!r}; known: digits, sun397. Did you mean 'digits'?"
    )


@pytest.mark.parametrize("error", [e for e in BUILTIN if e is not errors.Terminated])
def test_a_message_is_one_printable_line_of_bounded_length(error):
    hostile = "a\x1b]0;x\x07b\u202ec\udcffd\n\n  e" + "y" * 50_000 + "; the cure."
    args = (
        ("dataset", hostile, ["a"]) if error is errors.UnknownNameError else (hostile,)
    )
    text = str(error(*args))
    assert text.isprintable() and len(text) < 2_000
    assert "\\x1b" in text and ("; the cure." in text or "known: a." in text)
