"""Results between members, and experiments: DVC as people expect it, on the toy graph with a remote in a folder."""

import subprocess
from pathlib import Path

import pytest
from toy_graph import Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

UP_TO_DATE = "Data and pipelines are up to date."
AUTHOR = {f"GIT_{role}_{what}": "ada@lab" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def dvc(place: Place, *arguments: str) -> str:
    code, said = place.run("dvc", *arguments)
    assert code == 0, said
    return said


def commit(place: Place) -> None:
    environment = {**place.environment, **AUTHOR}
    for command in (["add", "--all"], ["commit", "--quiet", "--message", "results"]):
        subprocess.run(["git", *command], cwd=place.root, env=environment, check=True)


@pytest.fixture
def shared(place: Place, tmp_path: Path) -> Place:
    """A member who has run the graph, pushed the results to the lab's remote and committed."""
    (place.root / ".gitignore").write_text("__pycache__/\n/journal\n")
    dvc(place, "remote", "add", "--default", "lab", str(tmp_path / "remote"))
    assert place.on(**AUTHOR).run("flows.pipeline")[0] == 0
    commit(place)
    dvc(place, "push")
    return place


def test_a_colleague_pulls_results_instead_of_computing_them(shared: Place, tmp_path: Path):
    subprocess.run(["git", "clone", "--quiet", str(shared.root), str(tmp_path / "colleague")], check=True)
    colleague = Place(tmp_path / "colleague").on(**AUTHOR)
    dvc(colleague, "pull")
    assert colleague.run("flows.pipeline") == (0, f"{UP_TO_DATE}\n")
    assert dvc(colleague, "repro").endswith(f"{UP_TO_DATE}\n")
    assert (colleague.root / "data/last").read_text() == "source\nleft\nsource\nright\n"
    assert colleague.journal() == []


def test_an_experiment_changes_a_value_and_what_it_changed_is_shown(shared: Place):
    ran = len(shared.journal())
    dvc(shared, "exp", "run", "--name", "other-seed", "--set-param", "seed=7")
    assert [line.split()[:2] for line in shared.journal()[ran:]] == [["starts", "last"], ["ends", "last"]]
    said = dvc(shared, "params", "diff", "HEAD", "other-seed")
    assert "seed" in said
    assert "7" in said


def test_queued_experiments_run_side_by_side_and_leave_the_folder_as_it_is(shared: Place):
    for seed in (3, 4):
        dvc(shared, "exp", "run", "--queue", "--name", f"seed-{seed}", "--set-param", f"seed={seed}")
    dvc(shared, "queue", "start", "--jobs", "2")
    dvc(shared, "queue", "logs", "--follow", "seed-3")
    dvc(shared, "queue", "logs", "--follow", "seed-4")
    assert dvc(shared, "queue", "status").count("Success") == 2
    table = dvc(shared, "exp", "show", "--csv")
    assert "seed-3" in table
    assert "seed-4" in table
    assert (shared.root / "params.yaml").read_text().count("seed: 0") == 1
    assert dvc(shared, "status").endswith(f"{UP_TO_DATE}\n")
