"""Single images: find, read and write them, colour, DICOM."""

from keras_srgan.images.colour import LUMA, luma, rgb_to_ycbcr, ycbcr_to_rgb
from keras_srgan.images.find import by_stem, find_images
from keras_srgan.images.headers import ImageError
from keras_srgan.images.image import Image, read_image, write_image

__all__ = [
    "Image",
    "ImageError",
    "LUMA",
    "by_stem",
    "find_images",
    "luma",
    "read_image",
    "rgb_to_ycbcr",
    "write_image",
    "ycbcr_to_rgb",
]
