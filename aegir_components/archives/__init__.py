"""What is kept on the hub before data are removed: written, proven, then named."""
