"""Embedding tables, reference CTR models over them, training and checkpoints."""
