"""Encoder families of a stream; each file defines `Settings(EncoderConfig)`.

A family either describes the K tokens themselves, or maps in the order of time, of which its trunk makes tokens.
Every family, fusion and placement stands as a ready line in profiles/adapter_runs.yaml.
"""
