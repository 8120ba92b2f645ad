# TensorFlow 1.15 for today's GPUs: NVIDIA's last container of it (Python 3.8,
# CUDA 12, Horovod). From the root of the repository:
#
#   docker build -f docker/tensorflow-1.15.Dockerfile -t electra:tf1 .
#   docker run --gpus all --rm -it -v "$PWD/data:/data" electra:tf1
FROM nvcr.io/nvidia/tensorflow:23.03-tf1-py3

WORKDIR /electra
COPY requirements.txt .
# The versions for Python 3.7 also fit 3.8; TensorFlow, NumPy and protobuf are the
# container's.
RUN sed -e '/python_version >= /d' -e 's/; python_version < "3.8"$//' \
        -e '/^tensorflow==/d' -e '/^numpy==/d' -e '/^protobuf>/d' \
        requirements.txt >requirements-container.txt \
    && python3 -m pip install --no-cache-dir -r requirements-container.txt
COPY . .
CMD ["bash"]
