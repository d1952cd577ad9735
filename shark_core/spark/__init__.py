"""Spark: the context of a process, and tasks that run on it."""
