"""The review as a Prefect flow: a page of items as an artifact, then a pause on a typed form, until nothing waits."""

from pathlib import Path

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from pydantic import Field

from flows.review import PER_PAGE, THEN, add, laid_out, pages, read_form

A_WEEK_S = 7 * 24 * 3600


class Page(RunInput):
    """What a person says of the items laid out in the artifact of this run."""

    reviewer: str = Field(min_length=1, description="who says so")
    rejected: str = Field(
        default="", description="one line per wrong item, `NUMBER: what is wrong`; the others are right"
    )


@flow(name="review")
def review_batches(folder: str, reviewer: str, per_page: int = PER_PAGE) -> None:
    """Pause on every page of items that wait in `folder`, and keep what is said of them."""
    logger = get_run_logger()
    for number, (path, items) in enumerate(pages(Path(folder), per_page), start=1):
        text = "\n\n".join(
            f"**{place}.** `{item.item_id}`\n\n```\n{laid_out(item)}\n```" for place, item in enumerate(items, 1)
        )
        create_markdown_artifact(text, key=f"page-{number}", description=f"{path.name}: {len(items)} items to read")
        text = f"Read the artifact page-{number} ({path.name}), then say which of its {len(items)} items are wrong."
        form = Page.with_initial_data(description=text, reviewer=reviewer)
        said = pause_flow_run(wait_for_input=form, timeout=A_WEEK_S, key=f"page-{number}")
        try:
            add(path, read_form(items, said.rejected, said.reviewer))
        except ValueError as error:
            logger.warning("%s; the page is shown again", error)
    logger.info(THEN)
