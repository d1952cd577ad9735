"""SHARK: daily compression of recommender embedding tables.

The packages below follow the way of the data: traffic → access → models → importance → pruning →
quantization → evaluation → publish → report.
"""

__version__ = "0.1.0"
