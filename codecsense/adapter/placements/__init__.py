"""Where motion tokens stand among the pictures; each file defines `Settings(PlacementConfig)`.

The report compares five (appendix O.2). Sound stays behind the anchor that opens its interval in all of them.
"""
