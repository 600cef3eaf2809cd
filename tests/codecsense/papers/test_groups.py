"""Groups as data: what they name exists, and their tables put ours beside what is reported."""

import copy
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from matplotlib.text import Text

from codecsense import config
from codecsense.papers import drawing, groups, pages, results, sheet
from codecsense.papers.groups import Group
from codecsense.papers.sheet import Made
from codecsense.report.page import Section
from codecsense.report.sheets import markdown

sys.path.insert(0, str(Path(__file__).parent))
import made_answers

ROOT = Path(__file__).parents[3]
MADE = Made(seeds=[0], commit="abc1234", changes={"concat": {"model.adapter.fusion": {"name": "concat"}}}, bases={})
GROUP: dict[str, Any] = {
    "title": "Fusion",
    "reported": "hy_himmel.fusion",
    "columns": ["video_mme"],
    "shown": [{"type": "hidden"}, {"type": "static", "kind": "colour"}],
    "against": "full",
    "rows": {
        "concat": {"reported": "fusion_concat", "at": 1},
        "mlp": {"run": None, "reported": "fusion_concat_mlp", "at": 2},
        "elsewhere": {"run": "full", "base": "gop_8"},
        "full": {"reported": "himmel", "at": 3},
    },
}


def group(**changes: Any) -> Group:
    return Group.model_validate(copy.deepcopy(GROUP) | changes)


@pytest.fixture
def answers() -> dict[str, Any]:
    return {
        "concat": made_answers.seeded("concat", [0.5]),
        "full": made_answers.seeded("full", [0.9]),
        "elsewhere": made_answers.seeded("full", [0.7]),
    }


def test_what_the_shipped_groups_name_exists():
    found = groups.load(ROOT / "groups.yaml")
    own = config.read(ROOT / "params.yaml")
    changes = found.changes(config.read(ROOT / "profiles/adapter_runs.yaml"), own["runs"] | own["rl_runs"])
    for each in found.groups.values():
        for _, run in each.runs().values():
            assert run in changes or run in own["runs"] or run in own["rl_runs"]


@pytest.mark.parametrize("name", groups.load(ROOT / "groups.yaml").groups)
def test_every_row_of_a_group_that_is_reported_is_printed_beside_ours(name: str):
    found = groups.load(ROOT / "groups.yaml").groups[name]
    text = markdown(sheet.table(found, [], MADE, confidence=0.95))
    for row in found.rows.values():
        for column in found.columns if row.reported else []:
            printed = found.table().rows[row.reported].get(column)
            assert printed is None or str(printed) in text


def test_the_table_holds_ours_the_difference_and_what_is_reported(answers: dict[str, Any]):
    numbers = results.of_group(group(), answers, confidence=0.95)
    lines = markdown(sheet.table(group(), numbers, MADE, confidence=0.95)).splitlines()
    concat, mlp, elsewhere, full = (line for line in lines if re.match(r"\| (concat|mlp|elsewhere|full) ", line))
    assert re.match(r"\| concat \| 50\.0 \[.*\] \| -40\.0 \[.*\] \| .* \| 120 \| 62\.33 \|", concat)
    assert mlp.endswith("| – | 63.00 |")
    assert "70.0" in elsewhere
    assert re.match(r"\| elsewhere \| 70\.0 \[.*\] \| – \|", elsewhere), "another world's questions are not paired"
    assert re.match(r"\| full \| 90\.0 \[.*\] \| – \| .*63\.52 \|", full)


def test_a_row_can_be_held_against_another_row_of_its_own_base(answers: dict[str, Any]):
    rows = copy.deepcopy(GROUP["rows"]) | {"near": {"run": "concat", "base": "gop_8", "against": "elsewhere"}}
    found = group(rows=rows)
    numbers = results.of_group(found, answers | {"near": answers["concat"]}, confidence=0.95)
    text = markdown(sheet.table(found, numbers, MADE, confidence=0.95))
    assert re.search(r"\| near \| 50\.0 \[.*?\] \| -20\.0 \[.*?\] less elsewhere \|", text)


def test_a_rival_is_held_against_a_run_on_the_questions_that_it_was_asked(answers: dict[str, Any]):
    rows = copy.deepcopy(GROUP["rows"]) | {"panel": {"rival": "panel", "reported": "fusion_concat_mlp"}}
    found = group(rows=rows)
    assert found.sources()["panel"].target == "rivals"
    assert "panel" not in found.runs()
    few = [frame.filter(pl.col("clip_id") < "clip_04") for frame in made_answers.seeded("panel", [0.0])]
    numbers = results.of_group(found, answers | {"panel": few}, confidence=0.95)
    panel = next(number for number in numbers if number.row == "panel")
    full = answers["full"][0].filter((pl.col("clip_id") < "clip_04") & (pl.col("type") == "hidden"))
    assert panel.rival
    assert panel.questions == len(full) == 40
    assert panel.difference is not None
    assert panel.difference.value == pytest.approx(-full["correct"].mean())
    made = MADE._replace(rivals={"panel": {"side": 2}})
    text = markdown(sheet.table(found, numbers, made, confidence=0.95))
    assert "Rivals are asked about the first clips alone (hidden 40, colour (static) 20)" in text
    assert "questions: hidden 120," in text
    assert "| panel | rival panel | side: 2 |" in markdown(sheet.runs(found, made))


def test_answers_to_other_questions_are_not_compared(answers: dict[str, Any]):
    answers["concat"] = [frame.head(20) for frame in answers["concat"]]
    with pytest.raises(ValueError, match="concat and full did not answer the same questions"):
        results.of_group(group(), answers, confidence=0.95)


@pytest.mark.parametrize("figure", ["bars", "frontier", "curve"])
def test_every_figure_names_its_axes_and_is_the_same_bytes_again(answers: dict[str, Any], figure: str):
    found = group(figure=figure, axis="steps")
    numbers = results.of_group(found, answers, confidence=0.95)
    drawn = drawing.draw(found, numbers)
    assert drawn.startswith("<?xml")
    assert drawn == drawing.draw(found, numbers)


@pytest.mark.parametrize("figure", ["bars", "frontier", "curve"])
def test_no_word_of_a_figure_lies_upon_another_or_outside(
    answers: dict[str, Any], figure: str, monkeypatch: pytest.MonkeyPatch
):
    many = {f"a_rather_long_name_{number}": answers["full"] for number in range(8)}
    rows = {name: {"at": float(2**number), "reported": "himmel"} for number, name in enumerate(many)}
    shape = {"rows": rows, "against": next(iter(rows)), "figure": figure, "axis": "steps"}
    found = group(reported="hy_himmel.training_free", columns=["video_mme", "context_k", "seconds"], **shape)
    looked: list[str] = []

    def look(drawn: Any) -> str:
        drawn.draw_without_rendering()
        for axes in drawn.axes:
            low, high = sorted(axes.get_ylim())
            ticks = [tick for tick in axes.get_yticklabels() if low <= tick.get_position()[1] <= high]
            words = [*axes.texts, *ticks, axes.title, axes._left_title, axes.xaxis.label]
            shown = [(word.get_text(), Text.get_window_extent(word)) for word in words if word.get_text()]
            looked.extend(name for name, _ in shown)
            for number, (name, box) in enumerate(shown):
                assert drawn.bbox.padded(1).contains(box.x0, box.y0), name
                assert drawn.bbox.padded(1).contains(box.x1, box.y1), name
                assert not any(box.shrunk(0.9, 0.6).overlaps(other) for _, other in shown[number + 1 :]), name
        return "<?xml"

    monkeypatch.setattr(drawing, "as_svg", look)
    drawing.draw(found, results.of_group(found, many, confidence=0.95))
    assert len(looked) > 4


def test_the_page_needs_no_network_and_names_run_params_and_commit(answers: dict[str, Any], tmp_path: Path):
    written = pages.write(
        tmp_path, "fusion", group(), answers, MADE, trained={}, policies=[], gates={}, confidence=0.95
    )
    page = (tmp_path / "fusion.html").read_text()
    assert 'src="data:image/svg+xml' in page
    assert not re.search(r"(src|href)=\"http", page)
    assert 'alt="Ours with intervals; the row that others are held against is in the accent. Diamonds' in page
    assert "Runs and values: the table above; seeds 0; commit abc1234.</figcaption>" in page
    assert "model.adapter.fusion: {name: concat}" in page
    assert (tmp_path / "fusion.md").read_text() == written.text
    whole = pages.write_all(tmp_path, [written, written], Section("Around")).read_text()
    assert whole.count('src="data:image/svg+xml') == 2
    assert not re.search(r"(src|href)=\"http", whole)
    plots = yaml.safe_load((tmp_path / "dvc.yaml").read_text())["plots"]
    assert plots == [{"fusion": {"template": "bar_horizontal", "x": "value", "y": {"fusion.csv": "row"}}}]


def test_dvc_plots_a_table_wherever_it_lies(answers: dict[str, Any], tmp_path: Path):
    pages.write(tmp_path, "fusion", group(), answers, MADE, trained={}, policies=[], gates={}, confidence=0.95)
    command = [sys.executable, "-m", "dvc", "--cd", str(tmp_path), "plots", "show", "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    (drawn,) = json.loads(done.stdout)["data"]["fusion"]
    bars = {row["row"]: float(row["value"]) for row in drawn["content"]["data"]["values"]}
    assert bars["full, hidden"] == pytest.approx(0.9)
    assert len(bars) == 6, "a bar for every row and kind of question"


def test_gates_are_drawn_and_kept_beside_the_page(answers: dict[str, Any], tmp_path: Path):
    passed = {"swing": {"mv": [0.6, 0.7, 0.8], "residual": [0.3] * 3}, "flash": {"mv": [0.2], "residual": [0.8]}}
    rows = [
        (kind, stream, share)
        for kind, streams in passed.items()
        for stream, all_of_it in streams.items()
        for share in all_of_it
    ]
    shares = {"full": pl.DataFrame(rows, schema=["kind", "stream", "share"], orient="row")}
    found = group(figure="gates")
    pages.write(tmp_path, "gates", found, answers, MADE, trained={}, policies=[], gates=shares, confidence=0.95)
    kept = {tuple(row[:2]): row[2:] for row in pl.read_csv(tmp_path / "gates_full.tsv", separator="\t").iter_rows()}
    assert kept["swing", "mv"] == pytest.approx((0.7, 0.61, 0.65, 0.7, 0.75, 0.79, 3)), "mean, quantiles, count"
    assert kept["flash", "residual"] == pytest.approx((0.8,) * 6 + (1,))
    assert (tmp_path / "gates.html").read_text().count("image/svg+xml") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"against": "fulll"}, "`against` names no row: fulll"),
        ({"rows": {"full": {"run": None}}}, "neither run nor rival nor reported"),
        ({"rows": {"full": {"chnage": {}}}}, "chnage"),
        ({"rows": {"full": {"rival": "panel", "change": {"sft.steps": 1}}}}, "a rival is trained by nobody"),
    ],
)
def test_a_group_that_names_what_is_not_there_is_refused(tmp_path: Path, change: dict[str, Any], message: str):
    file = tmp_path / "groups.yaml"
    file.write_text(yaml.safe_dump({"bases": {}, "groups": {"fusion": GROUP | change}}))
    with pytest.raises(ValueError, match=message):
        groups.load(file)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"full": {"reported": "gated"}}, "hy_himmel.fusion has no `gated`"),
        ({"full": {"base": "qp_3"}}, "names the base `qp_3`"),
    ],
)
def test_a_row_of_an_unknown_base_or_table_is_named(tmp_path: Path, rows: dict[str, Any], message: str):
    file = tmp_path / "groups.yaml"
    file.write_text(yaml.safe_dump({"bases": {}, "groups": {"fusion": GROUP | {"rows": rows}}}))
    with pytest.raises(ValueError, match=message):
        groups.load(file)


def test_a_run_cannot_mean_two_things():
    other = copy.deepcopy(GROUP) | {"rows": {"full": {}, "concat": {"change": {"sft.steps": 1}}}}
    mine = copy.deepcopy(GROUP) | {"rows": {"full": {}, "concat": {"change": {"sft.steps": 2}}}}
    found = groups.Groups.model_validate({"bases": {}, "groups": {"one": mine, "two": other}})
    with pytest.raises(ValueError, match="run `concat` is defined twice"):
        found.changes({}, {"full": {}})
    with pytest.raises(ValueError, match="`mlp` is no run"):
        groups.Groups.model_validate(
            {"bases": {}, "groups": {"one": GROUP | {"rows": {"full": {}, "mlp": {}}}}}
        ).changes({}, {"full": {}})
