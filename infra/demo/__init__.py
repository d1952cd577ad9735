"""`make demo`: Airflow itself runs the DAG `daily_compression` on days of traffic.

.demo/lake        traffic, every dataset of the days, reports, published snapshots
.demo/airflow     Airflow's home: SQLite database, logs of tasks and services
"""
