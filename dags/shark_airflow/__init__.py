"""What the DAGs of this folder share; it imports Airflow and the standard library only."""
