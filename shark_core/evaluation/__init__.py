"""AUC, log-loss, calibration, paired intervals, slices, and the gates on them."""
