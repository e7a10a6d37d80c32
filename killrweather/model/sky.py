"""What the sky condition codes of an observation mean."""

from dataclasses import dataclass

from killrweather.errors import BadRequest


@dataclass(frozen=True, slots=True)
class SkyCondition:
    """A sky condition code and what it says about the cloud cover."""

    code: int
    text: str


SKY_CONDITIONS = tuple(
    SkyCondition(code, text)
    for code, text in enumerate(
        (
            "none (SKC, CLR)",
            "one okta (1/10 or less, not zero)",
            "two oktas (2/10–3/10, FEW)",
            "three oktas (4/10)",
            "four oktas (5/10, SCT)",
            "five oktas (6/10)",
            "six oktas (7/10–8/10)",
            "seven oktas (9/10 or more, not 10/10, BKN)",
            "eight oktas (10/10, OVC)",
            "sky obscured, or amount cannot be estimated",
            "partial obscuration",
            "thin scattered",
            "scattered",
            "dark scattered",
            "thin broken",
            "broken",
            "dark broken",
            "thin overcast",
            "overcast",
            "dark overcast",
        )
    )
)
"""Every code there is, in order: ``SKY_CONDITIONS[code].code == code``."""


def sky_condition(code: int) -> SkyCondition:
    """The meaning of a code; BadRequest if there is no such code."""
    if not 0 <= code < len(SKY_CONDITIONS):
        raise BadRequest(f"sky condition code {code}: expected 0…{len(SKY_CONDITIONS) - 1}", argument="code")
    return SKY_CONDITIONS[code]
