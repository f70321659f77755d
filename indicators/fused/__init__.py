"""ReLU codes by compiled passes: a network as a graph, and one pass over memory a node."""
