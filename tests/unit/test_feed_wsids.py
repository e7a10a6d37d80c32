from feed_stage import ghcnh_line, hourly_line, parse_ghcnh, parse_lines

from killrweather.feed.wsids import ghcnh_ids, with_wsids


def test_only_ids_that_a_table_may_know_otherwise_are_asked_about():
    """Each airport of the USA once; a station of the hourly CSV costs no question."""
    parsed = parse_ghcnh(
        *(ghcnh_line(f"2024-01-01T{hour}:51:00", STATION=station, temperature="5")
          for hour, station in enumerate(("USW00094789", "USW00014732", "NOI0000ENJA", "USW00094789"), start=10))
    )  # fmt: skip

    assert ghcnh_ids(parsed.observations) == ("USW00014732", "USW00094789")
    assert ghcnh_ids(parse_lines(hourly_line()).observations) == ()


def test_known_stations_are_renamed_and_others_keep_their_id():
    """Nothing but the id changes."""
    observations = parse_ghcnh(
        ghcnh_line(temperature="5"), ghcnh_line(STATION="USW00003046", temperature="6")
    ).observations
    renamed = with_wsids(observations, {"USW00014732": "725030:14732"})

    assert renamed["wsid"].to_list() == ["725030:14732", "USW00003046"]
    assert renamed.drop("wsid").equals(observations.drop("wsid"))
    assert with_wsids(observations, {}).equals(observations)
