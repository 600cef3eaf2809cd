"""Where a record that a teacher made comes from: columns that several tables share."""

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table

HASH = r"^[0-9a-f]{64}$"


class Provenance(Table):
    """Enough to find the reply that a record was made from, and to ask for it again."""

    model: Column[str] = pa.Field(str_length={"min_value": 1})
    prompt_hash: Column[str] = pa.Field(str_matches=HASH)  # of what the teacher was told, pictures included
    seed: Column[int] = pa.Field(ge=0)
    reply: Column[str] = pa.Field(str_matches=HASH)  # its name in the store of replies
    parents: Column[pl.List] = pa.Field(dtype_kwargs={"inner": pl.String()})  # records and replies it was made from
