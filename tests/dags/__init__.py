"""Tests of the DAG and its launcher."""
