"""Embedded Kafka and Cassandra: real ones, as child processes of whoever calls ``Embedded.start``."""

from killrweather.services.embedded import Embedded, ServiceEvent
from killrweather.services.jars import Progress, Report, ensure
from killrweather.services.java import Java, find_java
from killrweather.services.service import ServiceStatus

__all__ = ["Embedded", "Java", "Progress", "Report", "ServiceEvent", "ServiceStatus", "ensure", "find_java"]
