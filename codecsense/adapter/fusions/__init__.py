"""Ways to make one description of two; each file defines `Settings(FusionConfig)`."""
