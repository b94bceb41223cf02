"""Building blocks, from tensors to tensors. Layers of our own exist only for new behavior."""
