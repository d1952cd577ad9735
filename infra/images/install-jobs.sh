#!/usr/bin/env bash
# Makes FOLDER, the environment that jobs run in: requirements.txt and infra/constraints.txt without
# Airflow and the driver of its database (DAGs only start jobs), and without the tests' tools. All
# images install jobs with it.
#
#   infra/images/install-jobs.sh PYTHON FOLDER
#   TORCH_INDEX=URL    a package index to take torch from, see infra/setup.sh
set -euo pipefail
readonly PYTHON=${1:?PYTHON, an interpreter of 3.11} FOLDER=${2:?FOLDER, where to make the environment}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

"$PYTHON" -m venv "$FOLDER"
sed -E -e '/^# Tests and checks$/,$d' -e '/^(apache-airflow|psycopg)/d' requirements.txt \
    >"$FOLDER/requirements.txt"
# PIP_USER: Airflow's image may tell pip to install into the home folder.
PIP_USER=0 "$FOLDER/bin/python" -m pip install --quiet --no-input --no-cache-dir \
    --disable-pip-version-check ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
    -r "$FOLDER/requirements.txt" -c infra/constraints.txt
