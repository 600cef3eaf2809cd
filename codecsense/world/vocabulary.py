"""Every word that the micro world's questions, answers and captions can hold: the vocabulary of a tiny host."""

from codecsense.world.questions import NUMBERS, OPTIONS
from codecsense.world.script import MAX_COUNT

ASKING = (
    "what which who where when how many times was were is are did do the a an one at of in and or not there "
    "colour shape part start end tone beeps way high go swing orbit flash stay still while ?"
)
CAPTIONS = ("go", "_", ";", *(f"n{count}" for count in range(1, MAX_COUNT + 1)))
REASONING = (
    "so because then now but before after first second third only both other it they this that see saw seen hear heard "
    "sound video picture answer question says shows none nothing same more less means must be , . : describe listen"
)


def words() -> list[str]:
    """Each word once, always in the same order."""
    answers = [word for options in OPTIONS.values() for word in options]
    return list(dict.fromkeys([*ASKING.split(), *NUMBERS, *answers, *CAPTIONS, *REASONING.split()]))
