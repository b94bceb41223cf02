"""Training any registered architecture with its paper's recipe."""
