"""Synthetic traffic with planted structure, whose truth is known."""
