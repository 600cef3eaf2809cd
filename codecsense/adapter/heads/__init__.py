"""Heads that Stage 1 aligns through; each file defines `Settings(HeadConfig)`."""
