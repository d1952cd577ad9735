"""A local Airflow: settings, services and REST client that demo, stack and tests share."""
