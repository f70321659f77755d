"""Spaces of inverted residual blocks: MobileNetV2 and NAS-Bench-Macro."""
