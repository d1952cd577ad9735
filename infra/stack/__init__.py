"""`make up`: a lasting local Airflow with its database, and an S3 and a Spark where asked for.

.stack/state.json     what runs: process ids with start times, ports; only while it is up
.stack/airflow        Airflow's home: SQLite database, passwords.json, logs of tasks and services
.stack/postgres       the PostgreSQL cluster, with DB=postgres
.stack/config.yaml    the pipeline config, with S3=moto or SPARK=standalone
"""
