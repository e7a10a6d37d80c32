"""The last words of a service say in one line why it died."""

from killrweather.services.last_words import advice, last_words

KAFKA_LOG = """\
2026-01-02 10:00:00,000 ERROR KafkaServer: an old one
2026-01-02 10:00:01,000 INFO  KafkaRaftServer: starting
2026-01-02 10:00:02,000 ERROR KafkaRaftServer: Exiting Kafka due to fatal exception
java.lang.RuntimeException: outer
\tat kafka.Kafka.main(Kafka.scala)
Caused by: java.io.IOException: No space left on device
\tat java.base/sun.nio.ch.FileDispatcherImpl.write0(Native Method)
2026-01-02 10:00:03,000 INFO  KafkaRaftServer: shut down
"""


def test_the_last_error_is_told_with_its_deepest_cause():
    """Older errors and stack frames are left out."""
    assert last_words(KAFKA_LOG, "") == "Exiting Kafka due to fatal exception: IOException: No space left on device"


def test_without_a_log_the_output_speaks():
    """A JVM that doesn't even start says so on its output, first things first."""
    output = "Invalid maximum heap size: -Xmx1x\nError: Could not create the Java Virtual Machine.\nError: exit\n"

    assert (
        last_words("", output) == "Invalid maximum heap size: -Xmx1x; Error: Could not create the Java Virtual Machine."
    )


def test_an_exception_in_the_output_is_found():
    """A tool without a log prints its exception."""
    output = 'Formatting\nException in thread "main" java.lang.RuntimeException: a\n\tat b\nCaused by: x.Y: disk\n'

    assert last_words("", output) == "Y: disk"


def test_a_silent_death_is_called_so():
    """Nothing written is an answer, too."""
    assert last_words("", "\n") == "it said nothing"


def test_a_known_cause_brings_its_advice():
    """A full disk and a heap that doesn't fit are told what to do about them."""
    assert advice("IOException: No space left on device", "kafka") == "make room on the disk"
    assert "services.kafka.heap" in advice("OutOfMemoryError: Java heap space", "kafka")


def test_an_unknown_cause_points_to_the_data():
    """Whatever isn't known may be damaged data."""
    assert "services.cassandra.directory" in advice("CorruptSSTableException: x", "cassandra")
