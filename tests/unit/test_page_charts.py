"""What charts are given: the model's values in the reader's units, and the same numbers as a sheet."""

from hypothesis import given
from hypothesis import strategies as st

from killrweather.model.observation import TRACE_MM, RawWeatherData
from killrweather.model.precipitation import AnnualPrecipitation, DailyPrecipitation
from killrweather.model.temperature import DailyTemperature, MonthlyTemperature
from killrweather.page import charts
from killrweather.page.units import IMPERIAL, METRIC

LGA = "725030:14732"
DAYS = (
    DailyTemperature(LGA, 2013, 1, 1, 4.0, -2.0, 1.0, 1.0, 1.0, 24),
    DailyTemperature(LGA, 2013, 1, 2, 8.5, -6.5, 0.5, 1.0, 1.0, 23),
)


def series(options, name):
    """The series of a name."""
    return next(one for one in options["series"] if one["name"] == name)


def test_the_band_lies_between_each_days_low_and_high():
    """The base and the spread on it, also below zero."""
    options, _, summary = charts.daily_temperature(DAYS, METRIC)

    assert series(options, "_base")["data"] == [["2013-01-01", -2.0], ["2013-01-02", -6.5]]
    assert series(options, "_band")["data"] == [["2013-01-01", 6.0], ["2013-01-02", 15.0]]
    assert summary == "2 days. Warmest 8.5 °C on 2013-01-02, coldest -6.5 °C on 2013-01-02."


def test_a_sheet_is_in_the_units_of_its_head():
    """A person who reads Fahrenheit downloads Fahrenheit."""
    _, sheet, _ = charts.daily_temperature(DAYS[:1], IMPERIAL)

    assert sheet.csv() == "day,high °F,mean °F,low °F,hours\n2013-01-01,39.2,33.8,28.4,24\n"


def test_months_and_years_are_bars_of_the_same_kind():
    """The axis has a short name, the sheet and the words say which month."""
    months = [MonthlyTemperature(LGA, 2013, month, 9.0, -3.0, 0.5 * month, 0, 0, 700) for month in (1, 2)]
    options, sheet, summary = charts.temperature_bars(months, METRIC)
    of_years = charts.rain_bars([AnnualPrecipitation(LGA, 2013, 1011.5, 300, 40)], METRIC)

    assert options["xAxis"]["data"] == ["Jan", "Feb"]
    assert series(options, "_band")["data"] == [12.0, 12.0]
    assert sheet.csv().splitlines() == [
        "month,high °C,mean °C,low °C,hours", "2013-01,9.0,0.5,-3.0,700", "2013-02,9.0,1.0,-3.0,700"
    ]  # fmt: skip
    assert summary == "Warmest by its mean: 2013-02 with 1.0 °C."
    assert of_years[0]["xAxis"]["data"] == ["2013"]
    assert of_years[1].csv() == "year,rain mm,wet hours,trace hours\n2013,1011.5,300,40\n"
    assert of_years[2] == "Wettest: 2013 with 1,011.5 mm."


def test_a_month_without_data_is_a_gap_in_its_year():
    """And every year has twelve places."""
    months = [MonthlyTemperature(LGA, 2013, month, 1, 0, 0.5, 0, 0, 1) for month in (1, 3)]
    options, _, _ = charts.year_against_year(months, 2013, METRIC)

    assert series(options, "2013")["data"] == [0.5, None, 0.5] + [None] * 9


def test_a_trace_of_rain_is_drawn_as_none_and_a_missing_hour_as_a_gap():
    """-0.1 mm would be a bar below the axis."""
    hours = [RawWeatherData(LGA, 2013, 1, 1, hour, one_hour_precip=mm) for hour, mm in enumerate((TRACE_MM, None, 2.0))]
    _, sheet, summary = charts.hours(hours, "one_hour_precip", METRIC.rain)

    assert [value for _, value in sheet.rows] == [0.0, None, 2.0]
    assert summary == "3 hours, 2 of them with a value."


def test_rain_is_summed_from_the_days_not_from_what_is_shown():
    """Rounding comes last."""
    days = [DailyPrecipitation(LGA, 2013, 1, day, 0.04, 1, 0) for day in range(1, 11)]

    assert charts.daily_rain(days, METRIC)[2] == "0.4 mm on 10 of 10 days."


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), max_size=20))
def test_the_map_always_looks_somewhere_on_earth(places):
    """Whatever the stations' places are."""
    view = charts.view_of(places)

    assert -180 <= view["center"][0] <= 180
    assert -90 <= view["center"][1] <= 90
    assert 1 <= view["zoom"] <= 8
