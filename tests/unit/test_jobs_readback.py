"""Which rows a micro-batch reads back."""

from hypothesis import given
from hypothesis import strategies as st

from killrweather.jobs.readback import choose
from killrweather.jobs.tables import DAY, MONTH, YEAR
from killrweather.model.day import Day

JFK = "744860:94789"


def days_of(year, months, stations=1):
    return [
        Day(f"{station:06}:00000", year, month, day)
        for station in range(stations)
        for month in months
        for day in range(1, 29)
    ]


def test_one_touched_day_is_read_alone():
    """The usual case at rest: a question for 24 rows."""
    chosen = choose([Day(JFK, 2008, 7, 4)])

    assert chosen.columns == DAY
    assert chosen.keys == ((JFK, 2008, 7, 4),)


def test_a_whole_year_is_read_as_one_partition():
    """A backlog: 336 questions become one."""
    chosen = choose(days_of(2008, range(1, 13)))

    assert chosen.columns == YEAR
    assert chosen.keys == (("000000:00000", 2008),)


def test_a_month_of_many_stations_is_not_read_as_their_years():
    """The hours of a month for a hundred stations: nobody wants their other eleven months."""
    chosen = choose(days_of(2008, [7], stations=100))

    assert chosen.columns == MONTH
    assert len(chosen.keys) == 100


def test_the_same_day_touched_twice_is_read_once():
    """Repeats cost nothing."""
    chosen = choose([Day(JFK, 2008, 7, 4)] * 3)

    assert len(chosen.keys) == 1


DAYS = st.builds(Day, st.sampled_from(["a", "b", "c"]), st.integers(2007, 2009), st.integers(1, 12), st.integers(1, 28))


@given(st.lists(DAYS, min_size=1, max_size=200))
def test_every_touched_day_is_covered(touched):
    """Whatever is chosen, each touched day is among the days that are read."""
    chosen = choose(touched)

    assert all(any(day[: len(key)] == key for key in chosen.keys) for day in touched)
