"""The recipes: every system of the papers as data. See `docs/model-zoo.md`."""

from keras_srgan.degradation.presets import find_degradation
from keras_srgan.recipes.recipe import Recipe, read_config

__all__ = ["RECIPES", "SAMPLE", "Recipe", "find_recipe", "read_config"]

XRAY = Recipe(
    name="xray-srgan",
    source="Dhundale et al., IJIRSET 14(4), 2025, doi 10.15680/IJIRSET.2025.1404646: SRGAN on chest X-rays; network of "
    "Ledig et al., CVPR 2017",
    reported="pictures only, no PSNR or SSIM",
    discriminator_order="leaky-bn",
    discriminator_dense=0,
)


# The form that measures best on radiographs, see docs/design.md.
PLUS = Recipe(
    name="xray-srgan-plus",
    source="xray-srgan with EDSR's trunk at LR's size, no BN, on the bicubic image, more edges (measured, see docs)",
    generator="compact",
    norm="none",
    skip="bicubic",
    content_loss="l1",
    pretrain_loss="mse",
    edges=0.5,
    features_layer="block3_conv4",
    features_weights="bundled",
    perceptual_weight=3e-5,
    adversarial_weight=5e-3,
    patches_per_epoch=4000,
    pretrain_lr=3e-4,
    lr_decay="cosine",
    warmup=200,
)

ESRGAN = Recipe(
    name="esrgan",
    source="Wang et al., ECCV workshops 2018, sections 3 and 4.1: RRDB, relativistic, features before ReLU, L1",
    reported="perceptual index 2.04 on PIRM (not a PSNR method)",
    generator="rrdb",
    blocks=23,
    content_loss="l1",
    content_weight=1e-2,
    adversarial="relativistic",
    adversarial_weight=5e-3,
    features_before_activation=True,
    perceptual_weight=1.0,
    pretrain_lr=2e-4,
    lr_decay="halve",
)


# Networks that only a pixel loss trains.
CONTENT = Recipe(
    discriminator="none",
    features="none",
    epochs=0,
    pretrain_epochs=40,
    patches_per_epoch=4000,
    lr_decay="cosine",
    warmup=200,
)

FAST = CONTENT.replace(
    name="xray-fast",
    source="our own, for laptops, after Wan et al., CVPR workshops 2024 (SPAN): 7 blocks of 32 at LR's size, "
    "on the bicubic image",
    generator="span",
    filters=32,
    blocks=7,
    norm="none",
    skip="bicubic",
    content_loss="l1",
    edges=0.5,
    batch=16,
    pretrain_lr=5e-4,
)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        XRAY,
        PLUS,
        PLUS.replace(
            name="xray-real",
            source="xray-srgan-plus on a spread of degradations, begun from its content stage: "
            "--init xray-srgan-plus-pretrained (see docs/degradation.md)",
            degradation=find_degradation("real"),
        ),
        FAST,
        FAST.replace(
            name="xray-real-fast",
            source="xray-fast on a spread of degradations, begun from it: --init xray-fast (see docs/degradation.md)",
            degradation=find_degradation("real"),
        ),
        Recipe(
            name="srgan",
            source="Ledig et al., CVPR 2017, sections 2 and 3.2: SRGAN-VGG54 (VGG22: --features-layer block2_conv2)",
            reported="Set5 29.40 dB / .8472, Set14 26.02 / .7397, BSD100 25.16 / .6688",
            channels=3,
            lr_decay="halve",
        ),
        Recipe(
            name="covid-srgan8",
            source="Zhou, DAML 2024, doi 10.5220/0013525000004619: SRGAN on COVID-19 images, 8 blocks, InstanceNorm "
            "after the trunk, dropout in the discriminator",
            reported="31.92 dB / .8573, its own COVID-19 images, crops of 720x1280 frames",
            blocks=8,
            norm="batch-instance",
            first_kernel=3,
            discriminator_dropout=0.3,
            image_size="720x1280",
        ),
        XRAY.replace(
            name="xray-srgan-resnet",
            source="Zhou, DAML 2024, future work: xray-srgan with ResNet50's features",
            reported="",
            features="resnet50",
            features_layer="conv4_block6_out",
        ),
        XRAY.replace(
            name="xray-srgan-inception",
            source="Zhou, DAML 2024, future work: xray-srgan with InceptionV3's features",
            reported="",
            features="inception_v3",
            features_layer="mixed7",
        ),
        Recipe(
            name="unet-gan",
            source="Dash et al., IJIRSET 13(5), 2024: U-Net with BN and ReLU, tanh; conv-BN-LeakyReLU discriminator",
            reported='discriminator: accuracy .9065, precision .91, recall .89, F1 .90; "95 % of the clarity"',
            generator="unet",
            content_loss="l1",
            features="none",
            perceptual_weight=0.0,
            adversarial_weight=1e-2,
            lr=2e-4,
            pretrain_lr=2e-4,
            rotate=15.0,
            zoom_in=1.2,
        ),
        Recipe(
            name="recursive-gan",
            source="Wang, Li et al., 2020: cascades with shared residual units, no BN, PatchGAN, 1e-3 adversarial",
            reported="Set5 32.55 dB / .9122, Set14 28.88 / .7866, BSD100 27.84 / .7579; its bicubic reads 30.01 on "
            "Set5, 28.42 under the usual protocol",
            generator="recursive",
            blocks=5,
            cascades="2-3-4",
            discriminator="patch",
            discriminator_reduction="stride-pool",
            zoom=1.67,  # the paper's scalings, down to 0.6
        ),
        ESRGAN,
        ESRGAN.replace(name="esrgan-small", source="esrgan with 6 blocks", reported="", blocks=6),
        ESRGAN.replace(
            name="mri-esrgan",
            source='survey "Image Super Resolution using GAN framework": esrgan-small on photographs first (--init), '
            "then MRI with a total-variation term",
            reported="pictures and words, no figures",
            blocks=6,
            tv_weight=1e-3,
            pretrain_lr=1e-4,
        ),
        CONTENT.replace(
            name="autoencoder",
            source="Dash et al., IJIRSET 13(5), 2024, existing system: convolutional encoder-decoder, deconvolution",
            generator="autoencoder",
            blocks=3,
        ),
        CONTENT.replace(
            name="srcnn",
            source="Dong et al., TPAMI 2016, section 4.1: 9-5-5",
            reported="Set5 30.48 dB / .8628, Set14 27.50 / .7513, BSD100 26.90 / .7101",
            generator="srcnn",
        ),
        CONTENT.replace(
            name="srcnn-attention",
            source="SRCNN with residual channel attention, after Basak et al., 2020",
            generator="srcnn-attention",
            blocks=2,
        ),
        CONTENT.replace(
            name="fsrcnn",
            source="Dong et al., ECCV 2016, section 3.2: (56, 12, 4)",
            reported="Set5 30.71 dB / .8657, Set14 27.59 / .7535",
            generator="fsrcnn",
            filters=56,
            blocks=4,
            pretrain_lr=1e-3,
        ),
        CONTENT.replace(
            name="espcn",
            source="Shi et al., CVPR 2016, section 3.3: 5-3-3",
            reported="Set5 30.90 dB (trained on ImageNet)",
            generator="espcn",
            pretrain_lr=1e-3,
        ),
        CONTENT.replace(
            name="vdsr",
            source="Kim et al., CVPR 2016 (VDSR), sections 3 and 4: 20 layers, global residual, clipped gradients",
            reported="Set5 31.35 dB / .8838, Set14 28.01 / .7674, BSD100 27.29 / .7251",
            generator="vdsr",
            blocks=20,
            clip=0.4,
        ),
        CONTENT.replace(
            name="drcn",
            source="Kim et al., CVPR 2016 (DRCN), section 3: 16 recursions, all supervised",
            reported="Set5 31.53 dB / .8854, Set14 28.02 / .7670, BSD100 27.23 / .7233",
            generator="drcn",
            filters=256,
            blocks=16,
            clip=0.4,
        ),
        CONTENT.replace(
            name="edsr",
            source="Lim et al., CVPR workshops 2017, section 3: the baseline, 16x64, L1",
            reported="Set5 32.09 dB / .8938, Set14 28.58 / .7813, BSD100 27.57 / .7357",
            generator="edsr",
            channels=3,
            content_loss="l1",
        ),
    )
}
"""Every recipe, by its name."""


SAMPLE = dict(
    pretrain_loss="l1",
    edges=0.0,
    pretrain_lr=4e-4,
    pretrain_epochs=16,
    epochs=5,
    patches_per_epoch=192,
    batch=8,
    warmup=64,
    flat=0.002,
    lr=5e-5,
    perceptual_weight=1e-5,
    image_size="",
)
"""What `train` without --data overrides: sized for the embedded radiograph and 2 CPU cores. In so few steps the full
weights of the adversarial stage draw a grid. It is noisy and has no letters: L1 reads 0.1 dB more there than MSE."""


def find_recipe(name: str) -> Recipe:
    """Returns a recipe by name.

    Raises:
        ValueError: naming the known recipes.

    Example:

    >>> find_recipe("xray-srgan-plus").scale
    4
    """
    if name not in RECIPES:
        raise ValueError(f"unknown recipe {name!r}: choose one of {', '.join(RECIPES)}")
    return RECIPES[name]
