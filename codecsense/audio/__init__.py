"""Hearing: a frozen encoder of log-mel spectra and a trained connector into the host's space.

Spectra come from the streams store, computed once per video (`codecsense.streams.sound`); this package never opens a
file. `branch.py` holds the contract of both halves; each file of `encoders/` and `connectors/` is one variant.
"""
