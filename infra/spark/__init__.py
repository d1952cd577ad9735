"""A Spark standalone cluster on this machine: `python -m infra.spark --help`."""
