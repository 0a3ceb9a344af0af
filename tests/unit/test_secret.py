"""A key is shown nowhere by accident."""

import json
import pickle
from dataclasses import asdict

import pytest

from streaming_code_generator.providers.choose import ProviderChoice
from streaming_code_generator.settings import Secret

KEY = "sk-verysecret"


@pytest.mark.parametrize(
    "shown",
    [repr(Secret(KEY)), str(Secret(KEY)), f"{Secret(KEY)}", f"{[Secret(KEY)]}", "%s" % Secret(KEY)],  # noqa: UP031
    ids=["repr", "str", "format", "within a list", "percent"],
)
def test_secret_is_masked_however_it_is_printed(shown: str) -> None:
    assert KEY not in shown
    assert "***" in shown


def test_secret_reveals_its_value_only_when_asked() -> None:
    assert Secret(KEY).reveal() == KEY


def test_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret(KEY))


def test_secret_stays_one_in_the_dump_of_what_holds_it() -> None:
    choice = ProviderChoice(api_key=Secret(KEY))

    assert KEY not in repr(choice)
    assert KEY not in repr(asdict(choice))
    assert KEY not in json.dumps(asdict(choice), default=str)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(choice)


def test_equal_keys_are_equal_secrets() -> None:
    assert Secret(KEY) == Secret(KEY)
    assert Secret(KEY) != Secret("other")
    assert Secret(KEY) != KEY
