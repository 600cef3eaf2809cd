"""The papers, table by table: what they print, what of it contradicts itself, and our own runs beside it.

A number of a paper is data (`reported/*.yaml`, with the table or section it stands in) and is shown as reported;
nothing is trained, tuned or gated towards it.

Words used in this package:
    table     one table of a paper, its rows and columns named once for the whole paper
    quantity  what a number is of, such as `himmel.video_mme`; one quantity may be printed in many places
    group     runs of ours that make one such table, each a set of differences from the base
    claim     a sentence of a paper that a paired difference can settle
"""
