"""One RunReport value, rendered as HTML, JSON and a short text."""
