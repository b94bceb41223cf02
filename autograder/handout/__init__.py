"""What students get: a folder with everything they need, and nothing that gives answers away."""
