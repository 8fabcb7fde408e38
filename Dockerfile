# The command line in a container, without root and without a network once built:
#   docker build -t keras-srgan . && docker run --rm -v "$PWD:/data" keras-srgan upscale chest.dcm --out out
FROM python:3.11-slim
COPY . /src
RUN pip install --no-cache-dir '/src[dicom]' && rm -rf /src && useradd --create-home user
USER user
WORKDIR /data
ENTRYPOINT ["keras-srgan"]
CMD ["--help"]
