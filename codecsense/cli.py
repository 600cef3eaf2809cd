"""`codecsense`: the same functions as the stages, for people who want an answer and no pipeline.

Settings come from a params.yaml, as they do for the stages. Heavy imports happen inside the commands, so that
`codecsense --help` is instant.
"""

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from codecsense import config
from codecsense.papers import commands
from codecsense.terminal import console
from codecsense.terminal import errors as _errors

app = typer.Typer(help="Motion from the codec and sound, for video-language models.", no_args_is_help=True)
app.add_typer(commands.app)  # what asks the papers: parameters, context, check-reported

ParamsOption = Annotated[Path, typer.Option(help="File with the sections `audit` and `extract`.")]
WorkersOption = Annotated[int, typer.Option(help="Processes; 0 takes every processor there is.")]
ScratchOption = Annotated[Path, typer.Option(help="Where a killed run leaves what it has finished.")]
PARAMS = Path("params.yaml")
SCRATCH = Path("data/scratch")


@app.callback()
def main() -> None:
    """Motion from the codec and sound, for video-language models."""


@app.command()
def audit(
    paths: Annotated[list[Path], typer.Argument(help="Folders, or manifests (json, jsonl, txt, csv, tsv).")],
    table: Annotated[Path | None, typer.Option(help="Also write one row per file to this parquet file.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Also draw the distribution of codecs (PNG or SVG).")] = None,
    params: ParamsOption = PARAMS,
    workers: WorkersOption = 0,
    scratch: ScratchOption = SCRATCH,
) -> None:
    """Say of every file what it is, whether it can be read, and how its motion can be had."""
    import polars as pl

    from codecsense.codecs.survey import distribute
    from codecsense.schemas import audit as schema

    with _errors():
        frames = [_surveyed(path, params=params, workers=workers, scratch=scratch) for path in paths]
        frame = pl.concat(frames)
        lines = distribute(frame)
        _print_distribution(lines)
        _print_unreadable(frame)
        if table is not None:
            schema.write(frame, table)
        if figure is not None:
            from codecsense.report.codec_figure import draw

            draw(lines, figure)


@app.command()
def extract(
    corpus: Annotated[Path, typer.Argument(help="A folder, or a manifest.")],
    streams: Annotated[Path | None, typer.Option(help="Folder for the shards, their index and the rejects.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only predict hours, shards and bytes, from a sample.")] = False,
    part: Annotated[str, typer.Option(help="Make only these shards, such as 3/16; the last call is without it.")] = "",
    params: ParamsOption = PARAMS,
    workers: WorkersOption = 0,
    scratch: ScratchOption = SCRATCH,
) -> None:
    """Read anchors, motion, residual and sound of every video into shards."""
    from codecsense.codecs.corpus import list_corpus
    from codecsense.scratch import folder
    from codecsense.streams import extraction, planning
    from codecsense.streams.cutting import cut
    from codecsense.workers import available

    with _errors():
        if streams is None and not plan and not part:
            raise ValueError("name the folder for the shards with --streams, or ask for a --plan")
        settings = _extract_settings(params)
        audited = _surveyed(corpus, params=params, workers=workers, scratch=scratch)
        work = extraction.work_of(audited)
        root, shards = list_corpus(corpus).root, cut(work.items, settings)
        if plan:
            jobs = planning.jobs_of(audited)
            rates = planning.measure(jobs, settings, root=root)
            count = workers or available()
            _print_plan(planning.plan(jobs, rates, settings, num_workers=count), count)
            return
        place = folder(scratch, "extract", settings=[settings], inputs=[corpus])
        chosen = _part(shards, part)
        extraction.extract_corpus(chosen, settings, root=root, scratch=place, num_workers=workers or available())
        if part:
            console.print(f"{len(chosen)} of {len(shards)} shards made; call once more without --part to gather them")
            return
        assert streams is not None
        notes = extraction.gather(shards, work.rejects, scratch=place, store=streams)
        shutil.rmtree(place)
        console.print(f"{len(notes.extracted)} videos extracted to {streams}, {len(notes.rejects)} rejected")


@app.command()
def view(
    video: Annotated[Path, typer.Argument(help="A video file of any codec.")],
    sheet: Annotated[Path | None, typer.Option(help="Where the sheet goes; default: VIDEO.sheet.png here.")] = None,
    film: Annotated[Path | None, typer.Option(help="Also play the maps as a video (MP4).")] = None,
    params: ParamsOption = PARAMS,
) -> None:
    """Draw what the codec says of one video: anchors, motion on a colour wheel, residuals."""
    import cv2

    from codecsense.report import motion_sheet
    from codecsense.streams.extraction import extract_one

    with _errors():
        seen = extract_one(video, _audit_settings(params), _extract_settings(params))
        size = f"{seen.width}x{seen.height}, {seen.num_frames} pictures, {seen.duration_s:.1f} s"
        title = f"{video.name}: {seen.codec}, {size}, motion {seen.motion_source}"
        target = sheet or Path(f"{video.name}.sheet.png")
        picture = motion_sheet.sheet(seen.streams, title=title)
        if not cv2.imwrite(str(target), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)):
            raise ValueError(f"cannot write a picture to {target}; use a name that ends in .png")
        console.print(f"{title}\n{target}")
        if film is not None:
            console.print(f"{film}: {motion_sheet.film(seen.streams, film, title=title)} maps")


@app.command()
def ask(
    video: Annotated[Path, typer.Argument(help="A video file of any codec.")],
    questions: Annotated[list[str], typer.Argument(help="One or more, such as: which way did red swing in part two ?")],
    checkpoint: Annotated[Path, typer.Option(help="A trained model, such as data/runs/full/checkpoint.")],
    weights: Annotated[Path, typer.Option(help="The frozen host that it was trained on.")] = Path("data/host"),
    ear: Annotated[Path, typer.Option(help="The frozen audio encoder.")] = Path("data/ear"),
    two_stage: Annotated[bool, typer.Option("--two-stage", help="Sum up sight and sound first, then reason.")] = False,
    summaries: Annotated[Path | None, typer.Option(help="Folder in which summaries are kept for next time.")] = None,
    params: ParamsOption = PARAMS,
) -> None:
    """Ask a trained model about one video."""
    from codecsense.evaluation import asking
    from codecsense.training import checkpoints
    from codecsense.two_stage import Cache, Meter, TwoStage

    with _errors():
        model = checkpoints.load_trained(checkpoint, weights=weights)
        encoder = model.settings.audio.encoder.load(ear / "audio").eval()
        asked = TwoStage.model_validate(_section(params, "two_stage"))
        sections = asking.Settings(_audit_settings(params), _extract_settings(params), asked)
        cache = None if summaries is None else Cache(summaries, checkpoints.fingerprint(checkpoint, weights, ear))
        meter = Meter()
        answers = asking.ask(
            model,
            encoder,
            video,
            questions,
            settings=sections,
            in_two_stages=two_stage,
            cache=cache,
            meter=meter,
        )
        for answer in answers:
            for name, said in (("saw", answer.seen), ("heard", answer.heard), ("reply", answer.reply)):
                if said:
                    console.print(f"{name}: {said}", markup=False)
            console.print(answer.answer, style="bold", markup=False)
        for line in meter.lines():
            console.print(line, style="dim", markup=False)


@app.command()
def score(
    benchmark: Annotated[str, typer.Argument(help="Such as video_mme, mvbench, mathvista or micro_world.")],
    annotations: Annotated[Path, typer.Option(help="The benchmark's official file or folder.")],
    predictions: Annotated[
        Path, typer.Option(help="In the official submission format, or rows of sample_id, response.")
    ],
    rule: Annotated[str | None, typer.Option(help="Of MathVista, VNBench and ActivityNet-QA, which have two.")] = None,
    subtitles: Annotated[bool | None, typer.Option(help="Of Video-MME and LongVideoBench.")] = None,
    split: Annotated[str | None, typer.Option(help="Of MLVU, MATH-V and Video-MMMU.")] = None,
    question_only: Annotated[
        Path | None, typer.Option(help="Of Video-MMMU: replies without the video, for the knowledge gain.")
    ] = None,
    run: Annotated[Path | None, typer.Option(help="JSON in which the run says its frames, pixels and model.")] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Other predictions to compare with, question by question.")
    ] = None,
    baseline_run: Annotated[Path | None, typer.Option(help="What the run of the baseline says.")] = None,
    media: Annotated[Path | None, typer.Option(help="Folder in which every video or picture must be.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for answers.parquet, scores.json, passport.json.")] = None,
    allow_missing: Annotated[int, typer.Option(help="Questions that may have no reply or no media.")] = 0,
    draws: Annotated[int, typer.Option(min=100, help="Resamplings of an interval.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamplings.")] = 0,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of the intervals.")] = 0.95,
) -> None:
    """Score anyone's predictions, as the benchmark's own script would and as is right, with a passport."""
    from codecsense.benchmarks import BenchmarkConfig
    from codecsense.evaluation import score_sheet, scoring
    from codecsense.evaluation.passport import UNSAID, read_run
    from codecsense.evaluation.statistics import Resampling

    with _errors():
        if question_only is not None and benchmark != "video_mmmu":
            raise ValueError(f"--question-only is for video_mmmu, which has a track without the video, not {benchmark}")
        choices = {"rule": rule, "subtitles": subtitles, "split": split}
        chosen = scoring.choose(benchmark, {name: choice for name, choice in choices.items() if choice is not None})
        resampling = Resampling(draws=draws, seed=seed, confidence=confidence)

        def scored(replies: Path, said: Path | None, asked: BenchmarkConfig = chosen) -> scoring.Result:
            return scoring.score(
                asked,
                annotations=annotations,
                predictions=replies,
                run=UNSAID if said is None else read_run(said),
                resampling=resampling,
                missing_allowed=allow_missing,
                media=media,
            )

        result = scored(predictions, run)
        console.print(score_sheet.text(result), markup=False, highlight=False, soft_wrap=True)
        if baseline is not None:
            other = scored(baseline, baseline_run)
            compared = [scoring.compare(result, other, scorer, resampling) for scorer in result.scores]
            sheet = score_sheet.comparison(result, other, compared)
            console.print(sheet, markup=False, highlight=False, soft_wrap=True)
        if question_only is not None:
            alone = scored(question_only, None, scoring.choose(benchmark, {"split": "question_only"}))
            console.print(score_sheet.gain(result, alone), markup=False, highlight=False, soft_wrap=True)
        if output is not None:
            score_sheet.write(result, output)


@app.command()
def merge(
    checkpoint: Annotated[Path, typer.Argument(help="A trained model, such as data/runs/full/checkpoint.")],
    target: Annotated[Path, typer.Argument(help="A new folder for the model with all that it has learned.")],
    weights: Annotated[Path, typer.Option(help="The frozen host of a model on a tiny one.")] = Path("data/host"),
) -> None:
    """Write the host with its LoRAs merged, as plain Hugging Face weights, the senses beside them."""
    from codecsense.training import checkpoints

    with _errors():
        if target.exists():
            raise ValueError(f"{target} exists already; name a new folder")
        model = checkpoints.load_trained(checkpoint, weights=weights)
        checkpoints.merge(model)
        checkpoints.save(model, target, notes={"merged from": checkpoint.name}, whole=True)
        console.print(f"{target}: load it as any model of transformers, or with its senses by load_trained")


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="A data file; LLaMA-Factory's has its dataset_info.json beside it.")],
    target: Annotated[Path, typer.Argument(help="The file to write.")],
    read_as: Annotated[str, typer.Option("--from", help="llava_video, llama_factory, ms_swift, video_r1 or table.")],
    write_as: Annotated[str, typer.Option("--to", help="As --from; table is this repository's own, as parquet.")],
    root: Annotated[Path | None, typer.Option(help="Also see that every medium is there, below this folder.")] = None,
) -> None:
    """Turn a corpus from one format of the field into another; what cannot be held is refused, never left out."""
    from codecsense import corpora
    from codecsense.corpora import paths

    with _errors():
        samples = corpora.find(read_as).read(source)
        if root is not None:
            paths.expect({medium.path for sample in samples for medium in sample.media}, root)
        corpora.find(write_as).write(samples, target)
        console.print(f"{len(samples)} samples from {source} to {target}", markup=False)


@app.command()
def estimate(
    gpus: Annotated[int, typer.Option(help="In all.")] = 8,
    zero: Annotated[int, typer.Option(help="ZeRO stage: 0, 2 or 3.")] = 2,
    samples: Annotated[int, typer.Option(help="On one GPU at once; accumulation costs no memory.")] = 1,
    text: Annotated[int, typer.Option(help="Tokens of question and answer per sample.")] = 256,
    checkpointing: Annotated[bool, typer.Option(help="Recompute activations on the way back.")] = True,
    architecture: Annotated[Path | None, typer.Option(help="The host's config.json, if it is not known here.")] = None,
    params: ParamsOption = PARAMS,
) -> None:
    """Say what a step of Stage 2 takes: tokens per sample, memory per GPU. Nothing is loaded."""
    from codecsense.training import estimate as estimates

    with _errors():
        model, extract, lora = _section(params, "model"), _extract_settings(params), _section(params, "sft")["lora"]
        job = estimates.Job(gpus, zero, samples, text, checkpointing)
        file, found = estimates.of_sections(model, extract, lora, architecture, job)
        table = Table("a step of Stage 2", file.stem)
        for line in estimates.report(found):
            table.add_row(*line)
        console.print(table)


def _surveyed(path: Path, *, params: Path, workers: int, scratch: Path) -> Any:
    from codecsense.codecs.corpus import list_corpus
    from codecsense.codecs.survey import survey
    from codecsense.scratch import folder
    from codecsense.workers import available

    settings, listed = _audit_settings(params), list_corpus(path)
    place = folder(scratch, "audit", settings=[settings], inputs=[path])
    return survey(listed, settings, scratch=place, num_workers=workers or available())


def _audit_settings(params: Path) -> Any:
    from codecsense.codecs.settings import AuditConfig

    return AuditConfig.model_validate(_section(params, "audit"))


def _extract_settings(params: Path) -> Any:
    from codecsense.streams.settings import ExtractConfig

    return ExtractConfig.model_validate(_section(params, "extract"))


def _section(params: Path, name: str) -> Any:
    values = config.read(params)
    if name not in values:
        raise ValueError(f"{params} has no section `{name}`")
    return values[name]


def _part(shards: list[Any], part: str) -> list[Any]:
    """Every n-th shard: `3/16` is the third of sixteen parts."""
    if not part:
        return shards
    number, _, count = part.partition("/")
    if not (number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise ValueError(f"--part {part!r} must look like 3/16")
    return shards[int(number) - 1 :: int(count)]


def _print_distribution(lines: list[dict[str, Any]]) -> None:
    table = Table("codec", "videos", "share", "report", "hours", "native", "estimated", "none")
    for line in lines:
        reported = f"{line['reported_share']:.2%}"
        routes = [str(line[route]) for route in ("native", "estimated", "none")]
        table.add_row(
            line["codec"], str(line["videos"]), f"{line['share']:.2%}", reported, f"{line['hours']:.2f}", *routes
        )
    console.print(table)


def _print_unreadable(frame: Any) -> None:
    from codecsense.schemas.audit import Audit

    for row in frame.filter(~frame[Audit.readable]).head(20).iter_rows(named=True):
        console.print(f"unreadable: {row[Audit.path]}: {row[Audit.reason]}", markup=False)


def _print_plan(plan: Any, workers: int) -> None:
    table = Table("what", "how much")
    table.add_row("videos", f"{plan.num_videos}")
    table.add_row("CPU hours", f"{plan.cpu_s / 3600:.2f}")
    table.add_row(f"hours with {workers} processes", f"{plan.cpu_s / 3600 / workers:.2f}")
    table.add_row("shards (and size of a Slurm array)", f"{plan.num_shards}")
    table.add_row("GB", f"{plan.num_bytes / 1e9:.2f}")
    console.print(table)
