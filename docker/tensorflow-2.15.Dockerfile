# TensorFlow 2.15 with the CUDA libraries that pip installs; the machine provides
# the NVIDIA driver (version 525 or later). From the root of the repository:
#
#   docker build -f docker/tensorflow-2.15.Dockerfile -t electra:tf2 .
#   docker run --gpus all --rm -it -v "$PWD/data:/data" electra:tf2
FROM python:3.11.9-slim-bookworm

WORKDIR /electra
COPY requirements.txt .
RUN sed -e 's/^tensorflow==2/tensorflow[and-cuda]==2/' requirements.txt \
        >requirements-gpu.txt \
    && python3 -m pip install --no-cache-dir -r requirements-gpu.txt
COPY . .
CMD ["bash"]
