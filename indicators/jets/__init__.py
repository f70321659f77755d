"""Second derivatives along two directions of the weights, by one forward pass.

Every tensor x of the pass is replaced by a jet: x and its derivatives x_u, x_v, x_uv for weights
W + s u + t v by s, by t and by both, at zero. That takes six convolutions a layer where two passes
of backward differentiation take nine slower ones, and keeps no graph. (Nested forward mode of the
framework is no choice: it takes the statistics of a batch norm for constants.)

The derivatives are those of the operations called; the backward pass that a custom autograd
function declares is not looked at.
"""
