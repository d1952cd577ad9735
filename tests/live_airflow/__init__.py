"""A real Airflow (scheduler, API server, SQLite) running real jobs on a small lake."""
