"""Every word that the micro world's questions, answers and captions can hold: the vocabulary of a tiny host.

What stands between the words that matter is one entry: large vocabularies have common phrases as well, and a question
is then half as long.
"""

from codecsense.world.questions import NUMBERS, OPTIONS

ASKING = (
    "what which who where when how many times was were is are did do the a an at of in and or not there "
    "colour shape part start end tone beeps way high go swing orbit flash stay still while ?"
)
CAPTIONS = ("go", "_", ";")
REASONING = (
    "so because then now but before after first second third only both other it they this that see saw seen hear heard "
    "sound video picture answer question says shows none nothing same more less means must be , . : describe listen"
)


PHRASES = (
    *("what did", "do in part", "do while the tone was", "which way did", "how many times did", "who did"),
    *("in which part did", "in part", "while the tone was"),
    *("what colour was the", "what shape was", "where was", "at the start of part", "at the end", "was there a"),
    *("how high was the tone in part", "how many beeps were there in part", "describe part", "listen part"),
)


def words() -> list[str]:
    """Each word and phrase once, always in the same order."""
    answers = [word for options in OPTIONS.values() for word in options]
    return list(dict.fromkeys([*ASKING.split(), *NUMBERS, *answers, *CAPTIONS, *REASONING.split(), *PHRASES]))
