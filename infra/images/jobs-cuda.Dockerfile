# The jobs that train and score, on an NVIDIA accelerator; otherwise as jobs-cpu.Dockerfile, which
# says what is the same and why.
#
#   docker build -f infra/images/jobs-cuda.Dockerfile -t shark/jobs-cuda:0.1.0 .
#   docker run --init --rm --gpus 1 shark/jobs-cuda:0.1.0 train --help
#
# torch's standard build for Linux brings CUDA 13.0 as packages, each pinned by torch itself: a base
# image with CUDA would bring it twice. The host brings the driver, of the 580 series or newer.
FROM python:3.11.15-slim-bookworm

RUN useradd --no-log-init --create-home --uid 50000 --gid 0 shark

WORKDIR /opt/shark
COPY requirements.txt ./
COPY infra/constraints.txt infra/
COPY infra/images/install-jobs.sh infra/images/
RUN infra/images/install-jobs.sh python /opt/jobs \
    && /opt/jobs/bin/python -c 'import torch; assert torch.version.cuda == "13.0", torch.version.cuda'
ENV PATH="/opt/jobs/bin:${PATH}"

COPY shark_core shark_core
COPY jobs jobs
COPY infra/config infra/config
COPY infra/traffic infra/traffic
RUN python -c 'from shark_core.java import java_home; assert java_home() == "/opt/jobs/share/shark-java"'

ENV JAVA_HOME=/opt/jobs/share/shark-java NUMBA_CACHE_DIR=/tmp/numba PYTHONUNBUFFERED=1
# What NVIDIA's container toolkit asks an image for.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN install --directory --owner=shark --group=root --mode=0770 .demo
USER 50000:0
ENTRYPOINT ["python", "-m", "jobs"]
CMD ["--help"]
