"""Which fields to keep: rankings compared by the models that are trained on their best k."""
