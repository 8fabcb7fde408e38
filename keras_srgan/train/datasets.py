"""The images of a run: folders, pairs, shards, or the sample radiograph."""

import sys
from pathlib import Path

from keras_srgan.data.sample import sample_radiograph, tile_sample
from keras_srgan.data.split import in_common, pixel_digests, split
from keras_srgan.images.depth import describe_depths
from keras_srgan.recipes import Recipe

HELD_OUT = (224, 544, 384, 256)  # top, left, height, width, px of the reduced sample
SAMPLE_TILE = 128


def load_data(recipe: Recipe, where: dict, log, resume: bool = False):
    """Training images, validation images, and the card's note of them.

    Args:
        recipe: `Recipe`.
        where: dictionary of the folders, of what tells patients apart, and of how files are treated.
        log: function that prints a line.
        resume: a run that began with validation images of its training's patients is told so, and goes on.
    """
    from keras_srgan.data.folder import load_folder
    from keras_srgan.data.paired import load_pairs
    from keras_srgan.data.patients import Patients
    from keras_srgan.data.shards.reader import holds_shards, load_shards, locate

    check_folders(recipe, where)
    if not where["data"]:
        image = sample_radiograph(reduce=2)
        tiles, held_out = tile_sample(image, SAMPLE_TILE, HELD_OUT)
        top, left, h, w = HELD_OUT
        log(
            f"no --data: training on the embedded chest radiograph RG1 of pydicom-data, 16-bit, reduced by 2 to "
            f"{image.pixels.shape[1]}x{image.pixels.shape[0]}: {len(tiles)} tiles; held out: {w}x{h} px "
            f"at ({left}, {top})"
        )
        return tiles, [held_out], {"set": "RG1 of pydicom-data, reduced by 2", "licence": "pydicom-data: MIT"}

    def warn(text):
        print(f"keras-srgan train: {text}", file=sys.stderr)

    def load(hr, lr, part):
        options = dict(channels=recipe.channels, min_size=recipe.patch, strict=where["strict"], warn=warn)
        options["memory_gb"] = recipe.memory_gb
        if not lr and holds_shards(hr):
            return load_shards(hr, part, **options, image_size=recipe.image_shape)
        options |= {"patients": Patients(where.get("patients"), where.get("group")), "bits": where.get("data_bits")}
        if lr:
            return load_pairs(hr, lr, recipe.scale, **options)
        return load_folder(hr, **options, image_size=recipe.image_shape)

    data, val_folder = where["data"], where["val"]
    images = load(data, where.get("data_lr"), "train")
    if val_folder:
        train, val = images, load(val_folder, where.get("val_lr"), "val")
        if shared := in_common(train, val):
            line = f"--val {val_folder} shares {' and '.join(shared)} with --data {data}"
            if not resume:
                raise ValueError(
                    f"{line}: what was learned would be measured; leave them out of one (where they are told apart "
                    f"wrongly: --patients CSV or --group REGEX)"
                )
            warn(line)
    elif holds_shards(data):
        train, val = images, load(locate(data)[0], None, "val")
    else:
        digests = pixel_digests(images)
        train, val = split(images, recipe.val_fraction, recipe.seed, digests)
        marks = [mark for mark in digests if mark is not None]
        if copies := len(marks) - len(set(marks)):
            log(f"{copies} of {len(images)} images are copies of others; they stay on the side of those")
        if unknown := sum(image.patient is None for image in images):
            log(
                f"{unknown} of {len(images)} images have no known patient, and count as one each; "
                f"--patients CSV or --group REGEX tells whose they are"
            )
    log(f"{len(train)} training and {len(val)} validation images from {data}")
    if depths := describe_depths((image.pixels.dtype, image.max_value) for each in (train, val) for image in each):
        log(f"depth: {depths}")
    return train, val, {"set": Path(data).name, "licence": where["licence"]}


def check_folders(recipe: Recipe, where: dict) -> None:
    """Refuses folders that don't go together."""
    data_lr, val_lr = where.get("data_lr"), where.get("val_lr")
    if where["val"] and not where["data"]:
        raise ValueError("--val holds images to validate those of --data: give both")
    if (where.get("patients") or where.get("group")) and not where["data"]:
        raise ValueError("--patients and --group tell whose the images of --data are: give it too")
    if data_lr and not where["data"]:
        raise ValueError("--data-lr holds LR images of --data: give both")
    if where["val"] and bool(data_lr) != bool(val_lr) or (val_lr and not where["val"]):
        raise ValueError("--val-lr goes with --val and --data-lr: give all three, or --data-lr alone")
    if recipe.scale == 1 and not data_lr and recipe.degradation.plain:
        raise ValueError(
            "scale 1 needs pairs of equal size: give --data and --data-lr, folders matched by name, or --degradation"
        )
    if data_lr and not recipe.degradation.plain:
        name = recipe.degradation.name
        raise ValueError(f"degradation {name} makes LR, and --data-lr gives it: omit one, or say --degradation bicubic")
    if recipe.image_size and (data_lr or not where["data"]):
        raise ValueError(f"image_size {recipe.image_size} is for --data without --data-lr: give --image-size ''")
