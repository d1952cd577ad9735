"""Label-aware access counts and row priorities."""
