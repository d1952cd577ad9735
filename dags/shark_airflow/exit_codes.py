"""What a job's exit code means for Airflow."""

from __future__ import annotations

GATE_FAILED = 79

PERMANENT = {
    2: "wrong usage of the command line",
    65: "bad or missing data",
    70: "a defect in SHARK",
    76: "somebody else moved a ref, or decided, in the meantime",
    78: "bad pipeline config",
    GATE_FAILED: "a gate failed",
}
"""Not retried: a person must look. All others are, such as 75, try again, or −9, killed."""
