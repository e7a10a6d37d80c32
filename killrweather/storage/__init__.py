"""Cassandra: the session, the schema, and one repository a family of tables."""
