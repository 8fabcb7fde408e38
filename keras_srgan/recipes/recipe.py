"""A recipe: one frozen record holds everything that decides a result.

A recipe is data. A command-line flag or a line of a TOML file overrides one field of it, and the resolved
recipe is written beside the weights that it made. Needs no Keras, so `--help` is quick.
"""

import dataclasses
import json
import re
import tomllib
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_srgan.degradation.presets import changed
from keras_srgan.degradation.settings import BICUBIC, Degradation

LABELS = ("name", "source", "reported")
"""What a recipe says of itself: no flag changes it."""
# What older cards, run.json, TOML files and shards call a field, and its name now.
RENAMED = {"frame": "image_size"}


def _field(default: Any, text: str, choices: tuple = ()) -> Any:
    return dataclasses.field(default=default, metadata={"help": text, "choices": choices})


PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")

GENERATORS = (
    "srresnet",
    "rrdb",
    "edsr",
    "compact",
    "span",
    "unet",
    "autoencoder",
    "recursive",
    "srcnn",
    "srcnn-attention",
    "fsrcnn",
    "espcn",
    "vdsr",
    "drcn",
)

EVEN = ("srresnet", "compact", "span")  # generators that know `even_phases`


@dataclass(frozen=True)
class Recipe:
    """Network, losses, schedule and data settings of one system; units and ranges are in each help text.

    Example:

    >>> Recipe().replace(scale=2, filters=32).generator
    'srresnet'
    """

    name: str = _field("xray-srgan", "name of the recipe and of the weights that it makes")
    source: str = _field("", "paper and section that it follows")
    reported: str = _field("", "what its paper reports, under the paper's own protocol")

    scale: int = _field(4, "factor from LR to HR; 1: of equal size", (1, 2, 3, 4, 8))
    channels: int = _field(1, "channels of the images: 1 gray, 3 colour", (1, 3))
    generator: str = _field("srresnet", "network that enlarges", GENERATORS)
    filters: int = _field(64, "width of the generator")
    blocks: int = _field(16, "its depth: residual blocks, recursions or layers, as its builder says")
    norm: str = _field("batch", "normalisation in srresnet", ("batch", "instance", "batch-instance", "none"))
    skip: str = _field("none", "what the generator adds to: nothing, or the bicubic image", ("none", "bicubic"))
    first_kernel: int = _field(9, "side of srresnet's first convolution", (3, 5, 7, 9))
    bn_momentum: float = _field(0.9, "momentum of the moving statistics of the generator's BN")
    bn_frozen: bool = _field(False, "with --init: the generator's BN keeps the statistics that it begins with")
    upsampling: str = _field("transpose", "how unet enlarges", ("transpose", "bilinear"))
    cascades: str = _field("2-4", "images that recursive makes on its way to x4", ("2-4", "2-3-4"))
    even_phases: bool = _field(False, "take a pattern of LR's period out of what is added to bicubic")
    discriminator: str = _field("strided", "network that judges", ("strided", "patch", "unet", "none"))
    discriminator_filters: int = _field(64, "width of the discriminator's first layers")
    discriminator_dense: int = _field(1024, "units of the strided discriminator's hidden Dense layer; 0: none")
    discriminator_order: str = _field(
        "bn-leaky", "what follows the strided discriminator's convolutions", ("bn-leaky", "leaky-bn")
    )
    discriminator_reduction: str = _field("pool", "how the patch discriminator reduces", ("pool", "stride-pool"))
    discriminator_dropout: float = _field(0.0, "share of the discriminator's last features that training drops")

    content_loss: str = _field("mse", "pixel loss of both stages", ("mse", "l1", "charbonnier"))
    pretrain_loss: str = _field("", "pixel loss of the content stage, if another", ("", "mse", "l1", "charbonnier"))
    content_weight: float = _field(1.0, "weight of the pixel loss in the adversarial stage")
    adversarial: str = _field("standard", "form of the adversarial losses", ("standard", "relativistic"))
    features: str = _field("vgg19", "network of the perceptual loss", ("vgg19", "resnet50", "inception_v3", "none"))
    features_layer: str = _field("block5_conv4", "layer whose features are compared")
    features_before_activation: bool = _field(False, "compare the features before their ReLU")
    features_weights: str = _field("auto", "auto, bundled, imagenet, or a file")
    perceptual_weight: float = _field(0.006, "weight of the perceptual loss")
    adversarial_weight: float = _field(1e-3, "weight of the adversarial loss")
    tv_weight: float = _field(0.0, "weight of SR's total variation in both stages, which noise raises")
    distillation_weight: float = _field(1.0, "with --teacher: weight of the mean distance from the teacher's SR")

    pretrain_epochs: int = _field(10, "epochs of the content stage (0 skips it)")
    epochs: int = _field(40, "epochs of the adversarial stage (0 skips it)")
    patches_per_epoch: int = _field(0, "patches in an epoch; 0: one from each image")
    batch: int = _field(16, "patches in a step")
    pretrain_lr: float = _field(1e-4, "Adam's first learning rate in the content stage")
    lr: float = _field(1e-4, "Adam's first learning rate in the adversarial stage, both networks")
    lr_decay: str = _field("constant", "course of both learning rates", ("constant", "cosine", "halve"))
    clip: float = _field(0.0, "largest norm of a step's gradient; 0: any")
    warmup: int = _field(0, "steps over which both learning rates rise from 0")
    ema: float = _field(0.999, "decay of the averaged generator, per step (0: no averaging)")

    patch: int = _field(96, "side of the HR patches, px")
    flat: float = _field(0.01, "patches whose standard deviation is below this share of white are redrawn")
    edges: float = _field(0.0, "share of the patches with the strongest edges of eight: letters, the border")
    augment: bool = _field(True, "flips and right-angle rotations")
    degradation: Degradation = _field(BICUBIC, "how LR is made of HR")
    rotate: float = _field(0.0, "largest angle of free rotations, degrees")
    zoom: float = _field(1.0, "patches are cut up to so much larger, then reduced; 1: never")
    zoom_in: float = _field(1.0, "patches are cut up to so much smaller, then enlarged; 1: never")
    image_size: str = _field("", "HEIGHTxWIDTH that images are first resized to, px, as 720x1280; empty: as they are")
    val_fraction: float = _field(0.1, "share of the patients held out where no --val is given")
    val_patch: int = _field(192, "side of the central crop of each validation image, px")
    val_images: int = _field(16, "validation images looked at after each epoch")
    memory_gb: float = _field(2.0, "decoded images above this size are cached on disk")

    precision: str = _field("auto", "arithmetic of the networks; auto: bfloat16 where it is native", PRECISIONS)
    sync_bn: bool = _field(True, "with several devices, BN over all of a batch, not over each one's part")
    xla: bool | None = _field(None, "compile the steps with XLA; left out: on accelerators and JAX")
    steps_per_execution: int = _field(1, "steps that the engine takes before Python looks again; divides an epoch's")
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
        counts = ("filters", "blocks", "batch", "val_images", "discriminator_filters")
        for name in (*counts, "steps_per_execution"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}: must be at least 1")
        for name in ("epochs", "pretrain_epochs", "patches_per_epoch", "warmup", "discriminator_dense"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} = {getattr(self, name)}: must not be negative")
        for name in ("lr", "pretrain_lr"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} = {getattr(self, name)}: must be above 0")
        if self.even_phases and (self.skip != "bicubic" or self.generator not in EVEN):
            raise ValueError(f"even_phases: with skip = 'bicubic' and a generator of {', '.join(EVEN)} only")
        if self.discriminator == "none" and self.epochs:
            raise ValueError(f"epochs = {self.epochs}: without a discriminator there is no adversarial stage; set 0")
        if not 0 <= self.discriminator_dropout < 1:
            raise ValueError(f"discriminator_dropout = {self.discriminator_dropout}: must be in [0, 1)")
        if self.clip < 0:
            raise ValueError(f"clip = {self.clip}: must not be negative")
        for name in ("zoom", "zoom_in"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}: must be at least 1")
        if not 0 <= self.rotate <= 180:
            raise ValueError(f"rotate = {self.rotate}: must be in [0, 180]")
        if not 0 <= self.bn_momentum < 1:
            raise ValueError(f"bn_momentum = {self.bn_momentum}: must be in [0, 1)")
        for name in ("tv_weight", "distillation_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} = {getattr(self, name)}: must not be negative")
        if self.image_size and min(self.image_shape or (0,)) < self.patch:
            raise ValueError(
                f"image_size = {self.image_size!r}: give HEIGHTxWIDTH of at least the patch, for example 720x1280"
            )
        if not 0 <= self.edges <= 1:
            raise ValueError(f"edges = {self.edges}: must be in [0, 1]")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema = {self.ema}: must be in [0, 1)")
        if not 0 < self.val_fraction < 1:
            raise ValueError(f"val_fraction = {self.val_fraction}: must be in (0, 1)")

    @property
    def image_shape(self) -> tuple[int, int] | None:
        """`image_size` as `(height, width)`; `None` where it is empty or unreadable."""
        found = re.fullmatch(r"(\d+)x(\d+)", self.image_size)
        return (int(found[1]), int(found[2])) if found else None

    def replace(self, **changes) -> "Recipe":
        """Returns a copy with some fields changed.

        Raises:
            ValueError: for an unknown field or a value that the field does not take.
        """
        known = {field.name: field.type for field in dataclasses.fields(self)}
        changes = renamed(changes)
        for key, value in changes.items():
            if key not in known:
                raise ValueError(f"unknown recipe field {key!r}: known are {', '.join(known)}")
            kind: Any = known[key]
            if kind is Degradation:
                changes[key] = value = changed(self.degradation, value)
            if kind is float and type(value) is int:
                changes[key] = value = float(value)
            kinds = kind.__args__ if isinstance(kind, types.UnionType) else (kind,)
            if type(value) not in kinds:
                raise ValueError(f"{key} = {value!r}: must be of type {kinds[0].__name__}")
        return dataclasses.replace(self, **changes)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_dict(cls, values: dict) -> "Recipe":
        return cls().replace(**values)


def renamed(values: dict) -> dict:
    """Fields by the names that they have now."""
    return {RENAMED.get(key, key): value for key, value in values.items()}


def read_config(path: str | Path) -> dict:
    """Reads the overrides of a TOML file; keys are the fields of `Recipe`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not TOML.

    Example:

    >>> from pathlib import Path
    >>> _ = Path("recipe.toml").write_text("filters = 32")
    >>> Recipe().replace(**read_config("recipe.toml")).filters
    32
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file; --config takes a TOML file of recipe fields") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a TOML file ({error})") from None
