"""Object store, manifest, catalog of snapshots and refs, and tables as Parquet."""
