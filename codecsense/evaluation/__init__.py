"""Running a model over questions, and saying how sure the result is.

A run leaves one row per question in the table `answers`; everything that is reported is computed from it.
"""
