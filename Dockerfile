# An image that runs the main job in the folder where you are, without TensorFlow:
#   docker build -t rnnbench .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" rnnbench run all
FROM python:3.13-slim
WORKDIR /source
COPY without-tensorflow.txt .
RUN pip install --no-cache-dir -r without-tensorflow.txt
COPY pyproject.toml README.md LICENSE ./
COPY rnnbench rnnbench
COPY configs configs
RUN pip install --no-cache-dir --no-deps .
# The cache of documents and of Matplotlib, for any user; mount it to keep it.
ENV HOME=/tmp
WORKDIR /work
ENTRYPOINT ["rnnbench"]
CMD ["run", "all"]
