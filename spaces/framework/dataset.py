"""Data sets: of images shape, classes and normalisation, of text words, of graphs features."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dataset:
    """What must be known of a data set of images, text or nodes to feed a network with it."""

    name: str
    title: str
    num_classes: int
    resolution: int
    """Height and width in pixels; of text the words of a sequence; of nodes 1."""
    mean: tuple[float, ...]
    """Of each channel (red, green, blue, or grey), in units of 0-255."""
    std: tuple[float, ...]
    """Of each channel, in units of 0-255."""
    stand_in_for: str = ""
    """The data set that is meant where its own images are not at hand; empty: none."""
    enlarged_from: str = ""
    """The data set whose images, enlarged to `resolution`, are this one's; empty: none."""
    words: int = 0
    """Size of the vocabulary of a data set of text; 0: it is none."""
    features: int = 0
    """Features of a node of a graph; 0: it is none."""

    @property
    def channels(self) -> int:
        """Channels of an image: 3 colours, or 1 of grey; features of a node."""
        return self.features or len(self.mean)

    @property
    def file_name(self) -> str:
        """The training images' file in the folder `images` of the data folder."""
        return f"{self.enlarged_from or self.name}-train.parquet"

    @property
    def meant(self) -> str:
        """The data set whose accuracies are those of networks on this one's images."""
        return self.stand_in_for or self.enlarged_from or self.name


_IMAGENET16_MEAN = (122.68, 116.66, 104.01)
_IMAGENET16_STD = (63.22, 61.26, 65.09)
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
_TASKONOMY_MEAN = (133.21, 133.16, 133.14)
_TASKONOMY_STD = (56.97, 56.99, 57.02)

# mean and standard deviation: those the networks of NAS-Bench-201 and of TransNAS-Bench-101 were
# trained with, and those that everybody takes for ImageNet
SHARED_DATASETS = (
    Dataset("cifar10", "CIFAR-10", 10, 32, (125.3, 123.0, 113.9), (63.0, 62.1, 66.7)),
    Dataset("cifar100", "CIFAR-100", 100, 32, (129.3, 124.1, 112.4), (68.2, 65.4, 70.4)),
    Dataset("imagenet16-120", "ImageNet16-120", 120, 16, _IMAGENET16_MEAN, _IMAGENET16_STD),
    Dataset(
        "imagenet16",
        "ImageNet at 16 pixels, 1,000 classes",
        1000,
        16,
        _IMAGENET16_MEAN,
        _IMAGENET16_STD,
        stand_in_for="imagenet16-120",
    ),
    Dataset("imagenet", "ImageNet", 1000, 224, IMAGENET_MEAN, IMAGENET_STD),
    Dataset("class_object", "Taskonomy objects", 75, 256, _TASKONOMY_MEAN, _TASKONOMY_STD),
    Dataset("class_scene", "Taskonomy scenes", 47, 256, _TASKONOMY_MEAN, _TASKONOMY_STD),
)
"""Data sets that belong to no single space; a space brings others (`SearchSpace.datasets`)."""
