"""Numbers in what a model wrote: a small grammar of arithmetic, in plain or LaTeX form, and nothing else.

Official scorers hand such text to `eval`. Here it is read by a parser that knows numbers, + - * / ^, fractions,
roots, pi, factorials and brackets, and gives up on the first thing it does not know, on length, on depth and on size:
a tower of powers costs as much as any other wrong answer.
"""

import math
import re
from collections.abc import Callable

LONGEST = 500  # characters of an expression
DEEPEST = 12  # brackets inside one another
LARGEST = 1 << 1000  # of a whole number
SYMBOL = re.compile(r"\s*(?:(\d+(?:\.\d*)?|\.\d+)|(\\[a-zA-Z]+|pi|sqrt)|([-+*/^(){}\[\]!]))")
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?![\w]|\.\d|,\d{3})")
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
WORDS = {word: str(number) for number, word in enumerate(NAMES)}
OPEN, CLOSED = "({[", {"(": ")", "{": "}", "[": "]"}
Number = int | float


class NoNumberError(ValueError):
    """The text is no arithmetic that is known here."""


def value(text: str) -> Number | None:
    """The number that an expression stands for, or None if it is none."""
    if len(text) > LONGEST:
        return None
    plain = text.replace("\\left", "").replace("\\right", "").replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    try:
        return _Parser(_symbols(plain.replace("\\cdot", "*").replace("\\times", "*").replace("\\div", "/"))).whole()
    except (NoNumberError, ZeroDivisionError, OverflowError):
        return None


def _symbols(text: str) -> list[str]:
    found, at = [], 0
    text = text.strip()
    while at < len(text):
        match = SYMBOL.match(text, at)
        if match is None:
            raise NoNumberError(text)
        found.append(match[0].strip())
        at = match.end()
    return found


class _Parser:
    """Recursive descent over symbols: sum, product, sign, power, factorial, atom."""

    def __init__(self, symbols: list[str]) -> None:
        self.symbols, self.at, self.depth = symbols, 0, 0

    def whole(self) -> Number:
        found = self.sum()
        if self.at < len(self.symbols):
            raise NoNumberError(self.symbols[self.at])
        return found

    def peek(self) -> str:
        return self.symbols[self.at] if self.at < len(self.symbols) else ""

    def take(self, symbol: str) -> None:
        if self.peek() != symbol:
            raise NoNumberError(symbol)
        self.at += 1

    def sum(self) -> Number:
        found = self.product()
        while self.peek() in ("+", "-"):
            sign = self.peek()
            self.at += 1
            other = self.product()
            found = bounded(found + other if sign == "+" else found - other)
        return found

    def product(self) -> Number:
        found = self.signed()
        while True:
            symbol = self.peek()
            if symbol in ("*", "/"):
                self.at += 1
                other = self.signed()
                found = bounded(found * other) if symbol == "*" else divided(found, other)
            elif symbol and (symbol in OPEN or symbol.startswith("\\") or symbol in ("pi", "sqrt")):
                found = bounded(found * self.power())
            else:
                return found

    def signed(self) -> Number:
        """Any number of signs, without recursion."""
        negative = False
        while self.peek() in ("+", "-"):
            negative ^= self.peek() == "-"
            self.at += 1
        found = self.power()
        return -found if negative else found

    def power(self) -> Number:
        base = self.factorial()
        if self.peek() != "^":
            return base
        self.at += 1
        with_sign = self.peek() == "-"
        if with_sign:
            self.at += 1
        exponent = self.deeper(self.power)
        return raised(base, -exponent if with_sign else exponent)

    def factorial(self) -> Number:
        found = self.atom()
        while self.peek() == "!":
            self.at += 1
            if not isinstance(found, int) or not 0 <= found <= 100:
                raise NoNumberError("!")
            found = bounded(math.factorial(found))
        return found

    def atom(self) -> Number:
        symbol = self.peek()
        self.at += 1
        if symbol in ("\\pi", "pi"):
            return math.pi
        if symbol == "\\frac":
            above = self.deeper(self.group)
            return divided(above, self.deeper(self.group))
        if symbol in ("\\sqrt", "sqrt"):
            return root(self.deeper(self.group))
        if symbol and symbol in OPEN:
            self.at -= 1
            return self.deeper(self.group)
        if symbol[:1].isdigit() or symbol.startswith("."):
            return bounded(int(symbol)) if symbol.isdigit() else float(symbol)
        raise NoNumberError(symbol)

    def group(self) -> Number:
        """What stands in brackets, or one single symbol: \\frac12 is a half."""
        opening = self.peek()
        if not opening or opening not in OPEN:
            if len(opening) > 1 and opening.isdigit():  # the digits of \\frac12 came as one symbol
                self.symbols[self.at : self.at + 1] = [opening[0], opening[1:]]
            return self.atom()
        self.at += 1
        found = self.sum()
        self.take(CLOSED[opening])
        return found

    def deeper(self, read: Callable[[], Number]) -> Number:
        self.depth += 1
        if self.depth > DEEPEST:
            raise NoNumberError("too deep")
        found = read()
        self.depth -= 1
        return found


def bounded(number: Number) -> Number:
    """The number itself, unless it is whole and huge."""
    if isinstance(number, int) and abs(number) > LARGEST:
        raise NoNumberError("too large")
    return number


def raised(base: Number, exponent: Number) -> Number:
    """A power of real numbers; what would be huge is never computed."""
    if isinstance(base, int) and isinstance(exponent, int) and exponent >= 0:
        if base and abs(base) > 1 and exponent * math.log2(abs(base)) > 1000:
            raise NoNumberError("too large")
        return base**exponent
    found = float(base) ** float(exponent)
    if isinstance(found, complex):
        raise NoNumberError("not real")
    return found


def divided(above: Number, below: Number) -> Number:
    """A quotient; a whole number where whole numbers divide."""
    if isinstance(above, int) and isinstance(below, int) and below and above % below == 0:
        return above // below
    return above / below


def root(number: Number) -> Number:
    """A square root of what is not negative; a whole number of a square."""
    if number < 0:
        raise NoNumberError("not real")
    if isinstance(number, int) and math.isqrt(number) ** 2 == number:
        return math.isqrt(number)
    return math.sqrt(number)


def only_number(text: str) -> Number | None:
    """The only number that an answer gives, after the last "answer" or "=" if there is one; words count up to ten."""
    if len(text) > 10 * LONGEST:
        text = text[-10 * LONGEST :]
    said = (
        text[max(text.lower().rfind("answer"), text.rfind("=")) :]
        if ("answer" in text.lower() or "=" in text)
        else text
    )
    found = {float(match.replace(",", "")) for match in NUMBER.findall(said) if any(map(str.isdigit, match))}
    found |= {float(WORDS[word]) for word in re.findall(r"[a-z]+", said.lower()) if word in WORDS}
    return found.pop() if len(found) == 1 else None


def plain(text: str) -> str:
    """Words to compare: lower case, single spaces, no marks around them, no articles before them, numbers as digits."""
    words = " ".join(text.casefold().split()).strip(" .,!?:;\"'()[]").split()
    while words and words[0] in ("a", "an", "the"):
        words = words[1:]
    return " ".join(WORDS.get(word, word) for word in words)
