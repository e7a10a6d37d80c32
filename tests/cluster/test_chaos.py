"""The short version of ``make chaos``: faults of each sort under load, and every table compared in the end."""

import pytest
from chaos_faults import Fault
from chaos_run import Run

FAULTS = [
    Fault("SIGSTOP", "kafka-publisher-1"),
    Fault("kill -9", "spark-jvm"),
    Fault("away", "kafka", 4.0),
    Fault("burst", "http-feed", 15.0),
    Fault("kill -9", "guardian"),
    Fault("kill -9", "cassandra"),
]
"""The host and the launcher are killed in ``test_whole_system``, with the same comparison."""


@pytest.mark.timeout(1_500)
def test_whatever_dies_under_load_nothing_acknowledged_is_lost_and_no_table_is_wrong(tmp_path):
    """The system comes back each time, answers clearly meanwhile, and leaves no process and no port behind."""
    with Run(tmp_path / "chaos", seed=1) as run:
        outcome = run.go(len(FAULTS), chosen=FAULTS)

    assert outcome.problems == []
    assert len(outcome.recoveries) == len(FAULTS)
    assert outcome.comparison.acknowledged > outcome.comparison.hours > 0
