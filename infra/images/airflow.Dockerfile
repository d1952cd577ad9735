# Airflow with the DAGs and kubectl, for jobs that run as pods (target `airflow`); or with the jobs'
# environment beside its own, for one machine without Kubernetes (target `airflow-with-jobs`).
#
#   docker build -f infra/images/airflow.Dockerfile --target airflow -t shark/airflow:0.1.0 .
FROM scratch AS kubectl
ARG KUBECTL_VERSION=1.37.1
ADD --chmod=0755 --checksum=sha256:65691ff77eb6fa44c908b77a1082c9f092c3b9733b5cefabec0d1104890e21a8 \
    https://dl.k8s.io/release/v${KUBECTL_VERSION}/bin/linux/amd64/kubectl /kubectl

# The full image: the slim one lacks PostgreSQL's driver and the chart's auth manager.
FROM apache/airflow:3.3.2-python3.11 AS airflow
COPY --from=kubectl /kubectl /usr/local/bin/kubectl
COPY requirements.txt /tmp/shark/requirements.txt
# Our pins of Airflow and its standard provider; what else the image has was tested together with it.
RUN grep '^apache-airflow' /tmp/shark/requirements.txt >/tmp/airflow.txt \
    && pip install --no-cache-dir -r /tmp/airflow.txt
COPY dags /opt/airflow/dags
COPY infra/airflow/pools.json /opt/airflow/pools.json
USER 50000

FROM airflow AS airflow-with-jobs
USER 0
RUN install --directory --owner=airflow --group=root /opt/jobs /opt/shark /opt/shark/.demo
USER 50000
WORKDIR /opt/shark
COPY requirements.txt ./
COPY infra/constraints.txt infra/
COPY infra/images/install-jobs.sh infra/images/
ARG TORCH_INDEX
RUN : "${TORCH_INDEX:?name an index of torch builds for CPUs, as the install page of PyTorch does}" \
    && infra/images/install-jobs.sh python /opt/jobs \
    && /opt/jobs/bin/python -c 'import torch; assert torch.version.cuda is None, torch.__version__'
COPY shark_core shark_core
COPY jobs jobs
COPY infra/config infra/config
COPY infra/traffic infra/traffic
RUN /opt/jobs/bin/python -c \
    'from shark_core.java import java_home; assert java_home() == "/opt/jobs/share/shark-java"'
ENV JOBS_PYTHON=/opt/jobs/bin/python JOBS_FOLDER=/opt/shark \
    JAVA_HOME=/opt/jobs/share/shark-java NUMBA_CACHE_DIR=/tmp/numba
WORKDIR /opt/airflow
