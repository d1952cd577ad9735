"""AUC, log-loss, calibration, paired intervals, and the gates on them."""
