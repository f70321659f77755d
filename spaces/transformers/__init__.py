"""Spaces of transformers: AutoFormer and PiT for images, FlexiBERT and GPT for text."""
