"""Schemes, tiers, the mixed-precision table, and snapping a model to what it can store."""
