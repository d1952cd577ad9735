# The jobs of plain machines and Spark's workers: `python -m jobs …` in /opt/shark, without Airflow.
#
#   docker build -f infra/images/jobs-cpu.Dockerfile --build-arg TORCH_INDEX=… \
#       -t shark/jobs-cpu:0.1.0 .
#   docker run --init --rm shark/jobs-cpu:0.1.0 ingest --help
FROM python:3.11.15-slim-bookworm

# Spark asks the system for the user's name, so the user must have one. Number and group are those of
# Airflow's image: both write to one lake where that is a folder.
RUN useradd --no-log-init --create-home --uid 50000 --gid 0 shark

# First what seldom changes: another line of code then does not install torch again.
WORKDIR /opt/shark
COPY requirements.txt ./
COPY infra/constraints.txt infra/
COPY infra/images/install-jobs.sh infra/images/
ARG TORCH_INDEX
RUN : "${TORCH_INDEX:?name an index of torch builds for CPUs, as the install page of PyTorch does}" \
    && infra/images/install-jobs.sh python /opt/jobs \
    && /opt/jobs/bin/python -c 'import torch; assert torch.version.cuda is None, torch.__version__'
ENV PATH="/opt/jobs/bin:${PATH}"

COPY shark_core shark_core
COPY jobs jobs
COPY infra/config infra/config
COPY infra/traffic infra/traffic
# Java is a package of requirements.txt; this writes the wrapper that Spark needs around it.
RUN python -c 'from shark_core.java import java_home; assert java_home() == "/opt/jobs/share/shark-java"'

# The code is root's and the root file system may be read-only: numba keeps its loops in /tmp.
ENV JAVA_HOME=/opt/jobs/share/shark-java NUMBA_CACHE_DIR=/tmp/numba PYTHONUNBUFFERED=1
RUN install --directory --owner=shark --group=root --mode=0770 .demo
USER 50000:0
ENTRYPOINT ["python", "-m", "jobs"]
CMD ["--help"]
