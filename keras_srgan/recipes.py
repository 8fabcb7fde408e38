"""Recipes: one frozen record holds everything that decides a result.

A recipe is data. A command-line flag or a line of a TOML file overrides one field of it, and the resolved
recipe is written beside the weights that it made. Needs no Keras, so `--help` is quick.
"""

import dataclasses
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def _field(default: Any, text: str, choices: tuple = ()) -> Any:
    return dataclasses.field(default=default, metadata={"help": text, "choices": choices})


@dataclass(frozen=True)
class Recipe:
    """Network, losses, schedule and data settings of one system; units and ranges are in each help text."""

    name: str = _field("xray-srgan", "name of the recipe and of the weights that it makes")
    source: str = _field("", "paper and section that it follows")

    scale: int = _field(4, "factor from LR to HR", (2, 3, 4, 8))
    channels: int = _field(1, "channels of the images: 1 gray, 3 colour", (1, 3))
    generator: str = _field("srresnet", "network that enlarges", ("srresnet",))
    filters: int = _field(64, "width of the generator")
    blocks: int = _field(16, "residual blocks of the generator")
    norm: str = _field("batch", "normalisation in the generator", ("batch", "instance", "none"))
    skip: str = _field("none", "what the generator adds to: nothing, or the bicubic image", ("none", "bicubic"))
    discriminator: str = _field("strided", "network that judges", ("strided",))
    discriminator_filters: int = _field(64, "width of the discriminator's first layers")
    discriminator_dense: int = _field(1024, "units of the discriminator's hidden Dense layer")

    content_loss: str = _field("mse", "pixel loss of both stages", ("mse", "l1", "charbonnier"))
    content_weight: float = _field(1.0, "weight of the pixel loss in the adversarial stage")
    features: str = _field("vgg19", "network of the perceptual loss", ("vgg19", "resnet50", "inception_v3", "none"))
    features_layer: str = _field("block5_conv4", "layer whose features are compared")
    features_before_activation: bool = _field(False, "compare the features before their ReLU")
    features_weights: str = _field("auto", "auto, bundled, imagenet, or a file")
    perceptual_weight: float = _field(0.006, "weight of the perceptual loss")
    adversarial_weight: float = _field(1e-3, "weight of the adversarial loss")

    pretrain_epochs: int = _field(10, "epochs of the content stage (0 skips it)")
    epochs: int = _field(40, "epochs of the adversarial stage (0 skips it)")
    patches_per_epoch: int = _field(0, "patches in an epoch; 0: one from each image")
    batch: int = _field(16, "patches in a step")
    pretrain_lr: float = _field(1e-4, "Adam's first learning rate in the content stage")
    lr: float = _field(1e-4, "Adam's first learning rate in the adversarial stage, both networks")
    lr_decay: str = _field("constant", "course of both learning rates", ("constant", "cosine", "halve"))
    warmup: int = _field(0, "steps over which both learning rates rise from 0")
    ema: float = _field(0.999, "decay of the averaged generator, per step (0: no averaging)")

    patch: int = _field(96, "side of the HR patches, px")
    flat: float = _field(0.01, "patches whose standard deviation is below this share of white are redrawn")
    augment: bool = _field(True, "flips and right-angle rotations")
    val_fraction: float = _field(0.1, "share of the patients held out where no --val is given")
    val_patch: int = _field(192, "side of the central crop of each validation image, px")
    val_images: int = _field(16, "validation images looked at after each epoch")
    memory_gb: float = _field(2.0, "decoded images above this size are cached on disk")

    precision: str = _field("float32", "arithmetic of the networks", ("float32", "mixed_bfloat16", "mixed_float16"))
    xla: bool = _field(True, "compile the steps with XLA")
    collapse_db: float = _field(6.0, "stop when validation PSNR is this far below its best")
    saturated_epochs: int = _field(5, "stop when D wins by far for this many epochs in a row")
    seed: int = _field(0, "seed of weights, split and patches")

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            choices = field.metadata["choices"]
            if choices and value not in choices:
                known = ", ".join(str(c) for c in choices)
                raise ValueError(f"{field.name} = {value!r}: choose one of {known}")
        for name in ("patch", "val_patch"):
            if getattr(self, name) % self.scale or getattr(self, name) < 2 * self.scale:
                raise ValueError(
                    f"{name} = {getattr(self, name)} px is not a multiple of scale {self.scale} "
                    f"(at least {2 * self.scale}): choose for example {24 * self.scale}"
                )
        for name in ("filters", "blocks", "batch", "val_images", "discriminator_filters", "discriminator_dense"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}: must be at least 1")
        for name in ("epochs", "pretrain_epochs", "patches_per_epoch", "warmup"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} = {getattr(self, name)}: must not be negative")
        for name in ("lr", "pretrain_lr"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} = {getattr(self, name)}: must be above 0")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema = {self.ema}: must be in [0, 1)")
        if not 0 < self.val_fraction < 1:
            raise ValueError(f"val_fraction = {self.val_fraction}: must be in (0, 1)")

    def replace(self, **changes) -> "Recipe":
        """Returns a copy with some fields changed.

        Raises:
            ValueError: for an unknown field or a value that the field does not take.
        """
        types = {field.name: field.type for field in dataclasses.fields(self)}
        for key, value in changes.items():
            if key not in types:
                raise ValueError(f"unknown recipe field {key!r}: known are {', '.join(types)}")
            kind: Any = types[key]
            if kind is float and type(value) is int:
                changes[key] = value = float(value)
            if type(value) is not kind:
                raise ValueError(f"{key} = {value!r}: must be of type {kind.__name__}")
        return dataclasses.replace(self, **changes)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_dict(cls, values: dict) -> "Recipe":
        return cls().replace(**values)


XRAY = Recipe(
    name="xray-srgan",
    source="SRGAN on chest X-rays, image-enhancement paper of 2025; network of Ledig et al., CVPR 2017",
)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        XRAY,
        XRAY.replace(
            name="xray-srgan-plus",
            source="xray-srgan without BN, adding to the bicubic image, L1 pretraining (measured, see docs)",
            norm="none",
            skip="bicubic",
            content_loss="l1",
            features_layer="block3_conv4",
            features_weights="bundled",
            perceptual_weight=3e-5,
            adversarial_weight=5e-3,
            patches_per_epoch=4000,
            pretrain_lr=4e-4,
            lr_decay="cosine",
            warmup=200,
        ),
    )
}

# What `train` without --data overrides: sized for the embedded radiograph and 2 CPU cores.
SAMPLE = dict(pretrain_epochs=16, epochs=5, patches_per_epoch=192, batch=8, warmup=64, flat=0.002)


def find_recipe(name: str) -> Recipe:
    """Returns a recipe by name.

    Raises:
        ValueError: naming the known recipes.
    """
    if name not in RECIPES:
        raise ValueError(f"unknown recipe {name!r}: choose one of {', '.join(RECIPES)}")
    return RECIPES[name]


def read_config(path: str | Path) -> dict:
    """Reads the overrides of a TOML file; keys are the fields of `Recipe`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file; --config takes a TOML file of recipe fields") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a TOML file ({error})") from None
