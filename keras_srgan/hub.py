"""Weights on the Hugging Face Hub: `hf://ORGANISATION/NAME`."""

from pathlib import Path

from keras_srgan.packages import require

HUB = "hf://"
WANTED = ("*.weights.h5", "*.json")


def fetch_from_hub(address: str) -> Path:
    """Gives the folder of a repository's weights and cards; what is in the Hub's cache already is not fetched again.

    Args:
        address: `hf://ORGANISATION/NAME`, or `hf://ORGANISATION/NAME@REVISION`.

    Returns:
        A folder in the cache of `huggingface_hub` (`HF_HOME` says where).

    Raises:
        ValueError: for another form, without `huggingface_hub`, or if the Hub does not have it or does not answer.
    """
    name, _, revision = address.removeprefix(HUB).partition("@")
    if name.count("/") != 1 or not all(name.split("/")):
        raise ValueError(f"{address}: give {HUB}ORGANISATION/NAME")
    require(address, "hub", "huggingface_hub")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=list(WANTED)))
    except Exception as error:  # of many kinds: names, rights, the network
        why = " ".join(str(error).split())[:200]
        raise ValueError(f"{address}: not in the Hub's cache and not to be had ({why})") from error
