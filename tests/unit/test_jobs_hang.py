"""A step that will never end is told from one that takes its time."""

from killrweather.jobs.patience import HangDetector
from killrweather.waking_clock import WakingClock


class Looks:
    """A detector, and looks at a step at chosen times; every second by default, as a job does."""

    def __init__(self, begin):
        self.now = begin
        self.detector = HangDetector(WakingClock(30, lambda: self.now))

    def at(self, now, trying_since, has_jobs=False):
        self.now = now
        return self.detector.hangs(trying_since, has_jobs, limit_s=30)

    def until(self, end, trying_since, has_jobs=False):
        """Whether any look of these seconds found a hang."""
        return any([self.at(now, trying_since, has_jobs) for now in range(self.now + 1, end + 1)])


def test_a_step_without_a_job_for_too_long_hangs():
    """The limit counts from the first look at it."""
    looks = Looks(100)
    assert not looks.until(131, trying_since=100)

    assert looks.at(132, trying_since=100)


def test_a_step_whose_jobs_run_may_take_as_long_as_it_likes():
    """Each look at a running job starts the time anew; silence after the last one counts."""
    looks = Looks(100)

    assert not looks.until(199, trying_since=100, has_jobs=True)
    assert not looks.until(229, trying_since=100)
    assert looks.at(230, trying_since=100)


def test_waiting_between_steps_is_no_hang():
    """Nothing is under way while a service is waited for, and the next step has all its time."""
    looks = Looks(100)

    assert not looks.until(500, trying_since=None)
    assert not looks.until(530, trying_since=500)


def test_steps_that_follow_each_other_at_once_each_have_all_their_time():
    """Many short ones are no long one."""
    looks = Looks(100)

    assert not any(looks.at(now, trying_since=now - 0.5) for now in range(101, 200))


def test_a_suspension_in_the_middle_of_a_step_is_no_hang():
    """A machine that slept for an hour: the step goes on, and has most of its time again."""
    looks = Looks(100)
    looks.at(101, trying_since=100)

    assert not looks.at(3701, trying_since=100)
    assert not looks.until(3723, trying_since=100)
    assert looks.at(3724, trying_since=100)
