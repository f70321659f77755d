"""What a forward pass applies: linear maps, normalisations, activations, in any spelling."""
