"""Public click logs in their publishers' raw formats → traffic tables in day partitions."""
