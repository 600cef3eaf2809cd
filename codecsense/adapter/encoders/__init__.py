"""Encoder families of a stream; each file defines `Settings(EncoderConfig)`."""
