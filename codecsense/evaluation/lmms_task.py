"""The micro world as a local task of lmms-eval: a folder for its `--include_path`.

The task is three files: rows, a configuration, and this file, in which lmms-eval finds the functions that the
configuration names; so nothing of ours is imported at the top.
"""

import json
import shutil
from pathlib import Path
from typing import Any

CONFIGURATION = """task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {rows}}}}}
test_split: test
output_type: generate_until
doc_to_visual: !function {module}.shown
doc_to_text: text
doc_to_target: answer
process_results: !function {module}.judged
generation_kwargs: {{max_new_tokens: 1}}
metric_list:
  - {{metric: accuracy, aggregation: mean, higher_is_better: true}}
"""


def write(questions: Path, clips: Path, folder: Path, *, name: str, split: str, most_clips: int) -> int:
    """Write the task to a new folder and return how many questions it holds; `clips` is the folder of the videos."""
    import polars as pl

    from codecsense.schemas import questions as questions_table

    asked = questions_table.read(questions).filter(pl.col("split") == split)
    chosen = asked["clip_id"].unique().sort().to_list()[:most_clips]
    asked = asked.filter(pl.col("clip_id").is_in(chosen)).sort("question_id")
    folder.mkdir(parents=True)
    rows = [
        {
            "question_id": row["question_id"],
            "text": row["text"],
            "answer": row["answer"],
            "video": str((clips / f"{row['clip_id']}.mp4").resolve()),
        }
        for row in asked.iter_rows(named=True)
    ]
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    shutil.copyfile(__file__, folder / "micro_world_task.py")
    target = json.dumps(str((folder / "rows.json").resolve()))
    made = CONFIGURATION.format(name=name, rows=target, module="micro_world_task")
    (folder / f"{name}.yaml").write_text(made, encoding="utf-8")
    return len(rows)


def shown(document: dict[str, Any]) -> list[str]:
    """What a question is about: the path of its video."""
    return [document["video"]]


def judged(document: dict[str, Any], replies: list[str]) -> dict[str, float]:
    """Whether the reply is the word that is right, as the pipeline's own evaluation counts it."""
    return {"accuracy": float(replies[0] == document["answer"])}
