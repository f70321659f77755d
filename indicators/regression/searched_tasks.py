"""The tasks that the authors found for images, each by a search on 20 labelled networks."""

from __future__ import annotations

from untrained.indicators.regression.tasks import Signal, Stage, Task

# frequencies of a wave, in cycles per pixel
_101_FIRST = (0.0143, 0.0169, 0.0149, 0.0204, 0.0229, 0.0172, 0.0156, 0.0192, 0.0155, 0.0146)
_101_LINES = (0.2991, 0.3060, 0.3038, 0.2880, 0.2934, 0.2961, 0.3059, 0.2929, 0.3056, 0.2959)
_101_PLANES = (0.3798, 0.3818, 0.3583, 0.3276, 0.2649, 0.2808, 0.4205, 0.3414, 0.3036, 0.4203)
_101_LAST_LINES = (0.1539, 0.1057, 0.1066, 0.1576, 0.1337, 0.1051, 0.1319, 0.1318, 0.1028, 0.1094)
_101_LAST_PLANES = (0.1979, 0.2031, 0.1034, 0.2048, 0.1357, 0.2091, 0.2454, 0.0864, 0.1352, 0.1453)
_RESNET_FIRST = (0.3792, 0.3348, 0.3835, 0.2973, 0.3064, 0.3438, 0.2157, 0.3374, 0.3203, 0.2363)
_RESNET_SECOND = (0.1185, 0.2206, 0.0596, 0.2331, 0.2272, 0.2653, 0.1877, 0.1083, 0.1095, 0.0563)
_RESNET_LAST = (0.3785, 0.3794, 0.3447, 0.2706, 0.2607, 0.3945, 0.2793, 0.3832, 0.3228, 0.3014)

NASBENCH101 = Task(
    "searched on NAS-Bench-101",
    (
        Stage((Signal("sin2d", 1.1, _101_FIRST),), 1.0),
        Stage(
            (
                Signal("sin1d", 1.8, _101_LINES),
                Signal("sin2d", 2.9, _101_PLANES),
                Signal("gdot", 1.1, share=0.578),
                Signal("resize", 2.4),
            ),
            0.75,
        ),
        Stage(
            (
                Signal("sin1d", 1.5, _101_LAST_LINES, local=False),
                Signal("sin2d", 0.9, _101_LAST_PLANES, local=False),
                Signal("gdot", 2.1, share=0.4375, local=False),
                Signal("resize", 2.2),
            ),
            0.25,
        ),
    ),
    "uniform",
    0.1,
    milestones=(10, 20, 30, 50),
)
"""Found by the authors on 20 labelled NAS-Bench-101 networks; they use it for NAS-Bench-201 too."""

DARTS = Task(
    "searched on DARTS",
    (
        Stage((Signal("gdot", 1.6, share=0.5), Signal("resize", 1.3)), 1.25),
        Stage(
            (
                Signal("dot", 2.2, share=0.719),
                Signal("gdot", 1.0, share=0.609, local=False),
                Signal("resize", 2.1),
            ),
            0.5,
        ),
        Stage((Signal("gdot", 1.7, share=0.5625), Signal("resize", 0.5)), 1.25),
    ),
    "gaussian",
    0.2,
)
"""Found by the authors on 20 labelled networks of the NDS cell spaces."""

RESNET = Task(
    "searched on ResNet",
    (
        Stage(
            (
                Signal("sin1d", 1.1, _RESNET_FIRST, local=False),
                Signal("dot", 0.5, share=0.094, local=False),
            ),
            0.25,
        ),
        Stage(
            (
                Signal("sin2d", 1.2, _RESNET_SECOND),
                Signal("dot", 2.9, share=0.3125),
                Signal("resize", 2.3),
            ),
            0.25,
        ),
        Stage(
            (
                Signal("sin2d", 1.8, _RESNET_LAST),
                Signal("gdot", 2.1, share=0.5, local=False),
            ),
            0.5,
        ),
    ),
    "gaussian",
    0.9,
)
"""Found by the authors on 20 labelled networks of the ResNet and ResNeXt spaces."""
