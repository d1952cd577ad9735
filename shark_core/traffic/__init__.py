"""From logged impressions to batches of arrays: encoding, generation, the examples reader."""
