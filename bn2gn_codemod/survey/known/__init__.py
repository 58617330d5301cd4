"""What is known beforehand: families of backbones, published models, norm classes, settings."""
