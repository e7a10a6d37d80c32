import pytest

from killrweather.errors import BadRequest
from killrweather.model.sky import SKY_CONDITIONS, SkyCondition, sky_condition


def test_every_code_has_its_text():
    """There are twenty codes, and each is found under itself."""
    assert [one.code for one in SKY_CONDITIONS] == list(range(20))
    assert sky_condition(8) == SkyCondition(8, "eight oktas (10/10, OVC)")
    assert sky_condition(19) == SkyCondition(19, "dark overcast")


@pytest.mark.parametrize("code", [-1, 20])
def test_a_code_that_is_not_there_is_refused(code):
    """A negative code does not count from the end."""
    with pytest.raises(BadRequest, match=rf"code {code}: expected 0…19"):
        sky_condition(code)
