"""One page that holds everything and needs nothing: styles inline, pictures as data URIs, no script, no network."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jinja2

from codecsense.report.declarations import Declaration
from codecsense.report.sheets import Sheet, markdown

TEMPLATE = Path(__file__).with_name("page.html.j2")


class Picture(NamedTuple):
    """A figure with its caption; `uri` carries its bytes."""

    title: str
    caption: str
    uri: str


class Section(NamedTuple):
    """A part of the page: what it is about, then its tables, pictures and lists."""

    title: str
    lead: str = ""
    sheets: Sequence[Sheet] = ()
    pictures: Sequence[Picture] = ()
    lists: Sequence[Declaration] = ()


def svg(title: str, text: str, caption: str) -> Picture:
    """A drawing as a picture of the page."""
    return Picture(title, caption, _uri("image/svg+xml", text.encode()))


def png(title: str, data: bytes, caption: str) -> Picture:
    """A raster image as a picture of the page."""
    return Picture(title, caption, _uri("image/png", data))


def as_html(summary: str, sections: Sequence[Section]) -> str:
    """The page as HTML; every text is escaped, `backticks` become code."""
    loader = jinja2.FileSystemLoader(TEMPLATE.parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.get_template(TEMPLATE.name).render(summary=summary, sections=sections)


def as_markdown(summary: str, sections: Sequence[Section]) -> str:
    """The tables and lists of the page as Markdown, for a terminal or a diff; pictures are left to the page."""
    lines = ["# CodecSense: what the runs came to", "", summary, ""]
    for section in sections:
        if not section.sheets and not section.lists:
            continue
        lines += [f"## {section.title}", "", *([section.lead, ""] if section.lead else [])]
        lines += [markdown(sheet) for sheet in section.sheets]
        for it in section.lists:
            lines += [f"### {it.title}", "", it.lead, "", *(f"- {statement}" for statement in it.statements), ""]
    return "\n".join(lines)


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
