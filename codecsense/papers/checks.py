"""What of a paper's numbers contradicts itself: each rule recomputes what can be recomputed from what is printed.

A printed number stands for every value that rounds to it, so a rule speaks up only where none of them would do.

References:
    [1] E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from codecsense.config import read
from codecsense.evaluation.statistics import wilson
from codecsense.papers.reading import LABEL, Paper, Place, ReportedTable, places

CONFIDENCE = 0.95
SLACK = 1e-9  # of binary numbers that were written in decimals
REPORT = Path(__file__).parents[1] / "report"


class Contradiction(NamedTuple):
    """What rule is broken, where, and how."""

    rule: str
    where: str
    says: str


class Count(NamedTuple):
    """Intervals that were looked at, and those that are Wilson's of their counts."""

    looked_at: int
    agree: int


def check(paper: Paper) -> list[Contradiction]:
    """Every contradiction that the rules find, rule by rule."""
    return [
        *_intervals(paper)[0],
        *_disjoint(paper),
        *_same(paper),
        *(each for table in paper.tables.values() for each in _within(table)),
        *_differences(paper),
        *_ratios(paper),
        *_inert(paper),
        *_proportional(paper),
        *_lora(paper),
    ]


def intervals_that_agree(paper: Paper) -> Count:
    """How many of the different printed intervals (with two digits or more) are those of their counts."""
    return _intervals(paper)[1]


def _intervals(paper: Paper) -> tuple[list[Contradiction], Count]:
    """Wilson's interval [1] of every count that the printed percentage allows."""
    seen: dict[tuple[object, ...], list[str]] = {}
    wrong: dict[tuple[object, ...], str] = {}
    fine = set()
    for table in paper.tables.values():
        if "interval" not in table.columns:
            continue
        column, decimals = next(iter(table.counted)), table.columns["interval"]
        assert isinstance(decimals, int)
        for name, row in table.rows.items():
            total = table.total(column, name)
            printed = tuple(row["interval"])
            key = (row[column], printed, decimals)
            seen.setdefault(key, []).append(f"{table.where}, {row[LABEL]}")
            assert total is not None
            counts = _counts(row[column], table.columns[column], total)
            told = {count: _wilson(count, total) for count in counts}
            if any(
                _rounds_to(low, printed[0], decimals) and _rounds_to(high, printed[1], decimals)
                for low, high in told.values()
            ):
                fine.add(key)
            else:
                count, (low, high) = next(iter(told.items()), (0, (0.0, 0.0)))
                shown = f"[{low:.{decimals}f}, {high:.{decimals}f}]" if told else "of no count"
                wrong[key] = f"{_text(printed, decimals)} for {count} of {total}; Wilson's interval is {shown}"
    found = [Contradiction("interval", "; ".join(seen[key]), says) for key, says in wrong.items()]
    precise = [key for key in seen if key[2] != 1]
    return found, Count(len(precise), sum(key in fine for key in precise))


def _disjoint(paper: Paper) -> Iterator[Contradiction]:
    known = places(paper)
    for pair in paper.disjoint:
        one, other = _finest(known, pair.first), _finest(known, pair.second)
        assert isinstance(one.value, tuple)
        assert isinstance(other.value, tuple)
        low, high = max(one.value[0], other.value[0]), min(one.value[1], other.value[1])
        if low <= high:
            both = f"{_text(one.value, one.decimals)} and {_text(other.value, other.decimals)}"
            yield Contradiction("disjoint", pair.where, f"{both} are called non-overlapping; both hold {low} to {high}")


def _same(paper: Paper) -> Iterator[Contradiction]:
    """One quantity, printed in several places."""
    known = places(paper)
    for statement in paper.known:
        known.setdefault(statement.quantity, []).append(Place(statement.where, statement.printed, statement.decimals))
    said = {statement.quantity for statement in paper.statements}
    for quantity, found in known.items():
        if quantity.rpartition(".")[2] not in paper.measures and quantity not in said:
            continue
        by_value: dict[object, list[Place]] = {}
        for place in sorted(found, key=lambda each: -(each.decimals or 0)):
            alike = next((each for each in by_value.values() if _agree(each[0], place)), None)
            by_value.setdefault(place.value, []).append(place) if alike is None else alike.append(place)
        if len(by_value) > 1:
            shown = "; ".join(
                f"{_text(group[0].value, group[0].decimals)} ({', '.join(dict.fromkeys(each.where for each in group))})"
                for group in by_value.values()
            )
            yield Contradiction("same quantity", quantity, shown)


def _within(table: ReportedTable) -> Iterator[Contradiction]:
    """Counts, sums, shares, means and gains of one table."""
    yield from _percentages(table)
    yield from _sums(table)
    yield from _shares(table)
    yield from _means(table)
    yield from _gains(table)


def _percentages(table: ReportedTable) -> Iterator[Contradiction]:
    for counts, column in table.counts.items():
        for name, row in table.rows.items():
            total = table.total(column, name)
            if counts in row and column in row and total is not None:
                share = 100 * row[counts] / total
                if not _rounds_to(share, row[column], _digits(table, column)):
                    says = f"{row[counts]} of {total} is {share:.3f} per cent, not {row[column]}"
                    yield Contradiction("count", f"{table.where}, {row[LABEL]}", says)


def _sums(table: ReportedTable) -> Iterator[Contradiction]:
    for column, total in table.sums.items():
        parts = [row[column] for name, row in table.rows.items() if name != total and column in row]
        printed, half = table.rows[total][column], _half(_digits(table, column))
        if abs(sum(parts) - printed) > (len(parts) + 1) * half * (half < 0.5) + SLACK:
            decimals = _digits(table, column)
            says = f"the rows of {column} sum to {sum(parts):.{decimals}f}, printed is {printed:.{decimals}f}"
            yield Contradiction("sum", f"{table.where}, {table.rows[total][LABEL]}", says)


def _shares(table: ReportedTable) -> Iterator[Contradiction]:
    for column, counted in table.proportions.items():
        total = sum(row[counted] for row in table.rows.values())
        for row in table.rows.values():
            share, decimals = 100 * row[counted] / total, _digits(table, column)
            if not _rounds_to(share, row[column], decimals):
                says = f"{row[counted]} of {total} is {share:.4f} per cent, not {row[column]:.{decimals}f}"
                yield Contradiction("share", f"{table.where}, {row[LABEL]}", says)


def _means(table: ReportedTable) -> Iterator[Contradiction]:
    for column, weights in table.means.items():
        for row in table.rows.values():
            if column in row:
                mean = sum(weight * row[part] for part, weight in weights.items()) / sum(weights.values())
                reach = 2 * _half(_digits(table, column)) + SLACK  # the parts are rounded, too
                if abs(mean - row[column]) > reach:
                    says = f"its groups, weighed by their questions, give {mean:.2f}; printed is {row[column]}"
                    yield Contradiction("weighted mean", f"{table.where}, {row[LABEL]}", says)


def _gains(table: ReportedTable) -> Iterator[Contradiction]:
    for column, gains in table.gains.items():
        for first, second in gains.pairs.items():
            gain = table.rows[first][gains.of] - table.rows[second][gains.of]
            printed = table.rows[first][column]
            if abs(gain - printed) > 2 * _half(_digits(table, gains.of)) + _half(_digits(table, column)) + SLACK:
                where = f"{table.where}, {table.rows[first][LABEL]}"
                yield Contradiction("difference", where, f"{gain:.2f}, printed is {printed}")


def _differences(paper: Paper) -> Iterator[Contradiction]:
    known = places(paper)
    for said in paper.differences:
        one, other = (_finest(known, quantity) for quantity in (said.first, said.second))
        assert isinstance(one.value, (int, float))
        assert isinstance(other.value, (int, float))
        reach = _half(one.decimals or 0) + _half(other.decimals or 0) + _half(said.decimals) + SLACK
        if abs(one.value - other.value - said.printed) > reach:
            says = f"{said.first} minus {said.second} is {one.value - other.value:.2f}, printed is {said.printed}"
            yield Contradiction("difference", said.where, says)


def _ratios(paper: Paper) -> Iterator[Contradiction]:
    known = places(paper)
    for ratio in paper.ratios:
        over, under = (_finest(known, quantity).value for quantity in (ratio.over, ratio.under))
        assert isinstance(over, (int, float))
        assert isinstance(under, (int, float))
        for place in known[ratio.quantity]:
            assert isinstance(place.value, (int, float))
            if abs(over / under - place.value) > 2 * _half(place.decimals or 0) + SLACK:
                says = f"{ratio.over} / {ratio.under} = {over} / {under} = {over / under:.2f}; printed is {place.value}"
                yield Contradiction("ratio", f"{ratio.where}; {place.where}", says)


def _inert(paper: Paper) -> Iterator[Contradiction]:
    for said in paper.inert:
        for table in paper.tables.values():
            if said.measure in table.columns and said.method in table.rows and said.over in table.rows:
                one, other = (table.rows[name][said.measure] for name in (said.method, said.over))
                if one != other:
                    says = f"it {said.did} ({said.where}), and yet {said.measure} is {one} with it, {other} without"
                    yield Contradiction("never fired", f"{table.where}, {table.rows[said.method][LABEL]}", says)


def _proportional(paper: Paper) -> Iterator[Contradiction]:
    known = places(paper)
    for rule in paper.proportional:
        rates: dict[str, tuple[float, float]] = {}
        for quantity, frames in rule.frames.items():
            place = _finest(known, quantity)
            assert isinstance(place.value, (int, float))
            half = _half(place.decimals or 0)
            rates[quantity] = ((place.value - half) / frames, (place.value + half) / frames)
        lowest, highest = min(high for _, high in rates.values()), max(low for low, _ in rates.values())
        if highest > 1.02 * lowest:
            shown = ", ".join(
                f"{sum(rates[name]) / 2:.3f} a frame in {name} ({n} frames)" for name, n in rule.frames.items()
            )
            yield Contradiction("proportional", rule.where, shown)


def _lora(paper: Paper) -> Iterator[Contradiction]:
    if paper.lora is None:
        return
    from codecsense.report.parameters import LoRASize, lora  # it imports torch

    size = LoRASize.model_validate(read(REPORT / paper.lora.architecture)["lora"])
    place = _finest(places(paper), paper.lora.quantity)
    assert isinstance(place.value, (int, float))
    if not _rounds_to(lora(size), place.value, place.decimals or 0):
        halved = lora(size.model_copy(update={"rank": size.rank // 2}))
        says = (
            f"rank {size.rank} on all seven projections is {lora(size):.1f} M weights, printed is {place.value}; "
            f"rank {size.rank // 2} would be {halved:.1f}"
        )
        yield Contradiction("parameters", place.where, says)


def _agree(finer: Place, coarser: Place) -> bool:
    """Whether two printed values can be of one number; words must be the same words."""
    one, other = finer.value, coarser.value
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    if isinstance(one, tuple) and isinstance(other, tuple):
        return all(_rounded_twice(a, b, finer, coarser) for a, b in zip(one, other, strict=True))
    assert not isinstance(one, tuple)
    assert not isinstance(other, tuple)
    return _rounded_twice(one, other, finer, coarser)


def _rounded_twice(one: float, other: float, finer: Place, coarser: Place) -> bool:
    fine, coarse = _half(finer.decimals or 0), _half(coarser.decimals or 0)
    return abs(one - other) <= (SLACK if fine == coarse else fine + coarse + SLACK)


def _finest(known: Mapping[str, list[Place]], quantity: str) -> Place:
    if quantity not in known:
        raise ValueError(f"nothing is printed for `{quantity}`")
    return max(known[quantity], key=lambda place: place.decimals or 0)


def _counts(percentage: float, decimals: int | str, total: int) -> list[int]:
    """Every count whose percentage is printed as `percentage`, the nearest first."""
    assert isinstance(decimals, int)
    near = round(percentage * total / 100)
    reach = 1 + int(_half(decimals) * total / 100)
    counts = [near, *(near + sign * step for step in range(1, reach + 1) for sign in (1, -1))]
    return [each for each in counts if _rounds_to(100 * each / total, percentage, decimals)]


def _wilson(count: int, total: int) -> tuple[float, float]:
    found = wilson(count, total, confidence=CONFIDENCE)
    return 100 * found.low, 100 * found.high


def _digits(table: ReportedTable, column: str) -> int:
    digits = table.columns[column]
    if digits == "text":
        raise ValueError(f"{table.where}: column `{column}` holds words")
    return digits


def _half(decimals: int) -> float:
    return 0.5 * 10**-decimals


def _rounds_to(value: float, printed: float, decimals: int) -> bool:
    return abs(value - printed) <= _half(decimals) + SLACK


def _text(value: object, decimals: int | None) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(f'{each:.{decimals}f}' for each in value)}]"
    return str(value) if decimals is None or isinstance(value, str) else f"{value:.{decimals}f}"
