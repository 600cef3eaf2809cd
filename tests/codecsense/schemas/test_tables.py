"""Tables between stages: what breaks a rule is refused on both sides, and the refusal says where and what to do."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from codecsense.schemas import checked, facts, from_rows, questions
from codecsense.schemas.facts import Facts
from codecsense.schemas.questions import Questions


@pytest.fixture
def rows() -> pl.DataFrame:
    row = {
        "clip_id": "train_00000",
        "split": "train",
        "interval": 0,
        "colour": "red",
        "shape": "circle",
        "cell_from": 3,
        "cell_to": 3,
        "kind": "swing",
        "way": "left",
        "count": 2,
        "spin": "none",
    }
    return from_rows(Facts, [row | {"sprite": sprite, "interval": n} for n in range(3) for sprite in range(2)])


def test_what_was_written_is_read_back(rows: pl.DataFrame, tmp_path: Path):
    facts.write(rows, tmp_path / "facts.parquet")
    assert facts.read(tmp_path / "facts.parquet").equals(rows)


DAMAGES: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], list[str]]] = {
    "a word nobody knows": (
        lambda rows: rows.with_columns(kind=pl.Series(["swing", "swing", "swing", "leap", "swing", "swing"])),
        ["column kind, row 3", "'leap'", "isin"],
    ),
    "a number out of range": (
        lambda rows: rows.with_columns(cell_to=pl.Series([0, 16, 0, 0, 0, 0])),
        ["column cell_to, row 1", "16", "less_than(16)"],
    ),
    "an empty cell": (
        lambda rows: rows.with_columns(colour=pl.Series([None, *["red"] * 5])),
        ["column colour, row 0", "None", "not_nullable"],
    ),
    "a row that stands twice": (lambda rows: rows.with_columns(sprite=pl.lit(0)), ["row 0", "row 1", "unique"]),
    "a missing column": (lambda rows: rows.drop("way"), ["column way", "is missing"]),
    "a column nobody declared": (
        lambda rows: rows.with_columns(mood=pl.lit("calm")),
        ["column mood", "is not declared"],
    ),
    "numbers as text": (lambda rows: rows.with_columns(pl.col("count").cast(pl.String)), ["column count", "Int64"]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_table_is_refused_when_written_and_when_read(damage: str, rows: pl.DataFrame, tmp_path: Path):
    spoil, told = DAMAGES[damage]
    spoilt, path = spoil(rows), tmp_path / "facts.parquet"
    with pytest.raises(ValueError, match="breaks the rules of Facts") as written:
        facts.write(spoilt, path)
    assert not path.exists()
    spoilt.write_parquet(path)
    with pytest.raises(ValueError, match="breaks the rules of Facts") as read:
        facts.read(path)
    for error in (written, read):
        for words in [str(path), "stage world", "dvc repro world -f", *told]:
            assert words in str(error.value)


def test_a_refused_table_leaves_the_old_file_as_it_was(rows: pl.DataFrame, tmp_path: Path):
    path = tmp_path / "facts.parquet"
    facts.write(rows, path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="breaks the rules"):
        facts.write(rows.with_columns(kind=pl.lit("leap")), path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["facts.parquet"]


def test_a_table_with_very_many_bad_rows_names_a_few_and_counts_the_rest(rows: pl.DataFrame, tmp_path: Path):
    many = pl.concat([rows.with_columns(clip_id=pl.lit(f"c{n}")) for n in range(50)]).with_columns(kind=pl.lit("leap"))
    with pytest.raises(ValueError, match="and 295 more") as error:
        facts.write(many, tmp_path / "facts.parquet")
    assert len(str(error.value).splitlines()) < 10


def test_a_missing_or_unreadable_file_names_the_stage_that_makes_it(tmp_path: Path):
    with pytest.raises(ValueError, match="is missing; run `dvc repro world -f`"):
        facts.read(tmp_path / "facts.parquet")
    (tmp_path / "facts.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(ValueError, match=r"not a readable parquet file.*dvc repro world -f"):
        facts.read(tmp_path / "facts.parquet")


def test_a_lazy_frame_is_refused_since_its_values_would_go_unchecked(rows: pl.DataFrame, tmp_path: Path):
    with pytest.raises(TypeError):
        checked(Facts, rows.lazy(), tmp_path, stage="world")


def test_a_column_is_spelled_by_its_class():
    assert Facts.cell_from == "cell_from"
    assert f"{Questions.clip_id}" == "clip_id"


def test_a_question_whose_answer_is_not_on_offer_is_refused(tmp_path: Path):
    row = {
        "question_id": "q",
        "clip_id": "c",
        "split": "test",
        "type": "static",
        "kind": "exists",
        "interval": -1,
        "text": "was there a red circle ?",
        "answer": "perhaps",
        "options": ["yes", "no"],
    }
    with pytest.raises(ValueError, match="answer_is_one_of_the_options"):
        questions.write(from_rows(Questions, [row]), tmp_path / "questions.parquet")
    questions.write(from_rows(Questions, [row | {"answer": "no"}]), tmp_path / "questions.parquet")


def test_words_that_a_word_tokenizer_would_not_split_are_refused(tmp_path: Path):
    row = {"question_id": "q", "clip_id": "c", "split": "test", "type": "static", "kind": "exists", "interval": -1}
    for text in ("was there a red circle?", "Was there a red circle ?", "was there  a red circle ?"):
        table = from_rows(Questions, [row | {"text": text, "answer": "no", "options": ["yes", "no"]}])
        with pytest.raises(ValueError, match="column text, row 0"):
            questions.write(table, tmp_path / "questions.parquet")


def test_an_empty_table_keeps_its_columns_and_their_types(tmp_path: Path):
    facts.write(from_rows(Facts, []), tmp_path / "facts.parquet")
    assert facts.read(tmp_path / "facts.parquet").schema["cell_from"] == pl.Int64
