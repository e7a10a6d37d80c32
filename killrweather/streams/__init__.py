"""Kafka: the topics, what publishes to them, and where their logs end."""
