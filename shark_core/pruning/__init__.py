"""Which fields to prune, and why."""
