"""Third lesson of the tiny host: its language model learns to read; then the host is frozen, as in the papers."""

from pathlib import Path

from codecsense.clips import Features
from codecsense.model import Model
from codecsense.schemas import captions as captions_table
from codecsense.schemas import facts as facts_table
from codecsense.schemas import questions as questions_table
from codecsense.schemas import rationales as rationales_table
from codecsense.schemas import sounds as sounds_table
from codecsense.scratch import finish, folder
from codecsense.streams.store import StreamStore
from codecsense.texts import clips_of
from codecsense.training.curves import write_curve
from codecsense.training.lessons import Teaching, name_only
from codecsense.training.reading import ReadingConfig, Tables, layout_of, reading_of, teach_reading


def host(
    *,
    seed: int,
    model: Model,
    host: ReadingConfig,
    facts: Path,
    sounds: Path,
    questions: Path,
    captions: Path,
    rationales: Path,
    streams: Path,
    tower: Path,
    encoded: Path,
    weights: Path,
    scratch: Path,
) -> None:
    """Write the frozen host to `weights`."""
    if model.host.weights != "tiny":
        name_only(model.host.weights, weights)
        return
    inputs = [facts, sounds, questions, captions, rationales, streams, tower, encoded]
    work = folder(scratch, "host", settings=[seed, model, host], inputs=inputs)
    tables = Tables(
        facts_table.read(facts),
        sounds_table.read(sounds),
        questions_table.read(questions),
        captions_table.read(captions),
        rationales_table.read(rationales),
    )
    network = model.host.load(tower / "host")
    states, store = Features.read(encoded / "features.safetensors"), StreamStore(streams)
    train, validation = (
        reading_of(network, tables, clips_of(tables.captions, split), states, store)
        for split in ("train", "validation")
    )
    layout = layout_of(train, motion_tokens=model.adapter.tokens, audio_tokens=host.sound_tokens)
    curve = teach_reading(network, train, validation, layout, host, Teaching(work, seed))
    network.save(work / "made" / "host")
    write_curve(curve, work / "made" / "reading.csv")
    finish(work / "made", weights)
