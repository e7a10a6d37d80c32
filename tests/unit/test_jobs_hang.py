"""A step that will never end is told from one that takes its time."""

from killrweather.jobs.patience import HangDetector


def looks(detector, *seen):
    return [detector.hangs(now, trying_since, has_jobs, limit_s=30) for now, trying_since, has_jobs in seen]


def test_a_step_without_a_job_for_too_long_hangs():
    """The limit counts from the step's beginning."""
    assert looks(HangDetector(), (101, 100, False), (130, 100, False), (131, 100, False)) == [False, False, True]


def test_a_step_whose_jobs_run_may_take_as_long_as_it_likes():
    """Each look at a running job starts the time anew; silence after the last one counts."""
    seen = [(now, 100, True) for now in range(101, 200)]

    assert not any(looks(detector := HangDetector(), *seen))
    assert looks(detector, (229, 100, False), (230, 100, False)) == [False, True]


def test_waiting_between_steps_is_no_hang():
    """Nothing is under way while a service is waited for, and the next step has all its time."""
    assert looks(HangDetector(), (100, None, False), (500, None, False), (510, 499, False)) == [False, False, False]
