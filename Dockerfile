# The command line in a container, without root, and without a network once built. What it writes belongs to who calls it:
#   docker build -t keras-srgan .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" keras-srgan upscale chest.dcm --out out
FROM python:3.11-slim
COPY . /src
RUN pip install --no-cache-dir '/src[dicom]' && rm -rf /src
# Any user has a home for caches.
ENV HOME=/tmp
USER 1000:1000
WORKDIR /data
ENTRYPOINT ["keras-srgan"]
CMD ["--help"]
