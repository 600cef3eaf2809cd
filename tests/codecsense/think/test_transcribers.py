"""Transcripts: what is given comes first, and subtitles are read as they are found in the wild."""

import json
from pathlib import Path

import numpy as np
import pytest

from codecsense.think import subtitles
from codecsense.think.transcribers import Cue, Transcriber, transcribe
from codecsense.think.transcribers.whisper import Settings, waveform

CLIPS = Path(__file__).parents[2] / "clips"
SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Hello</i>
there &amp; you

2
00:01:00,000 --> 00:01:01,250
{\\an8}Über - 犬
"""
VTT = """WEBVTT

NOTE a comment

00:01.000 --> 00:02.500 align:start
<v Ada>Hello</v>
there &amp; you

00:01:00.000 --> 00:01:01.250
<c.loud>Über</c> - 犬
"""
CUES = [Cue(1.0, 2.5, "Hello there & you"), Cue(60.0, 61.25, "Über - 犬")]


class Echo(Transcriber):
    """Hears its own name."""

    def hear(self, video: Path) -> list[Cue]:
        return [Cue(0.0, 1.0, video.name)]


@pytest.mark.parametrize(("name", "text"), [("a.srt", SRT), ("a.vtt", VTT), ("a.SRT", SRT), ("a.en.vtt", VTT)])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_subtitles_beside_a_video_are_its_transcript(name: str, text: str, encoding: str, tmp_path: Path):
    (tmp_path / name).write_text(text, encoding=encoding)
    (tmp_path / "ab.srt").write_text("another video's")
    assert transcribe(tmp_path / "a.mp4", Echo()) == CUES


def test_a_column_comes_before_a_file_and_a_file_before_a_transcriber(tmp_path: Path):
    (tmp_path / "a.srt").write_text(SRT)
    column = [Cue(0.0, 1.0, "given")]
    assert transcribe(tmp_path / "a.mp4", Echo(), column=column) == column
    assert transcribe(tmp_path / "a.mp4", Echo(), column=[]) == []
    assert transcribe(tmp_path / "b.mp4", Echo()) == [Cue(0.0, 1.0, "b.mp4")]
    assert transcribe(tmp_path / "nowhere" / "b.mp4", Echo()) == [Cue(0.0, 1.0, "b.mp4")]


def test_an_empty_file_is_named(tmp_path: Path):
    (tmp_path / "a.vtt").write_bytes(b"\x00\x01 no subtitles")
    with pytest.raises(ValueError, match="a.vtt cannot be read as subtitles"):
        subtitles.read(tmp_path / "a.vtt")
    with pytest.raises(ValueError, match="is no subtitle file"):
        subtitles.read(tmp_path / "a.txt")


def test_sound_is_one_channel_at_sixteen_kilohertz_and_its_absence_is_silence():
    surround = waveform(CLIPS / "bunny_h264_surround.mp4", 8000)
    assert surround.shape == (8000,)
    assert 0 < np.abs(surround).max() <= 1.5
    assert waveform(CLIPS / "bikes_h264.mp4", 8000).size == 0


@pytest.mark.slow
def test_whisper_of_any_weights_gives_cues_within_the_sound(tmp_path: Path):
    """A random Whisper of a few thousand weights, through the real pipeline; what it says is noise."""
    import torch
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer

    letters = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324))]
    (tmp_path / "vocab.json").write_text(json.dumps({letter: number for number, letter in enumerate(letters)}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = WhisperTokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    special = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>"]
    special += ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.add_tokens([f"<|{0.02 * step:.2f}|>" for step in range(1501)])
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in special}
    torch.manual_seed(0)
    config = WhisperConfig(
        vocab_size=len(tokenizer), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, num_mel_bins=80, max_target_positions=64,
        bos_token_id=ids["<|endoftext|>"], eos_token_id=ids["<|endoftext|>"], pad_token_id=ids["<|endoftext|>"],
        decoder_start_token_id=ids["<|startoftranscript|>"],
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    model.save_pretrained(tmp_path / "whisper")
    chosen = {  # what OpenAI's own checkpoints say here
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "is_multilingual": True,
        "lang_to_id": {"<|en|>": ids["<|en|>"]},
        "task_to_id": {"transcribe": ids["<|transcribe|>"]},
        "language": "en",
        "task": "transcribe",
        "max_length": 40,
        "alignment_heads": [[0, 0]],
    }
    ends = dict.fromkeys(["bos_token_id", "eos_token_id", "pad_token_id"], ids["<|endoftext|>"])
    starts = {"decoder_start_token_id": ids["<|startoftranscript|>"]}
    (tmp_path / "whisper" / "generation_config.json").write_text(json.dumps(chosen | ends | starts))
    tokenizer.save_pretrained(tmp_path / "whisper")
    WhisperFeatureExtractor(feature_size=80).save_pretrained(tmp_path / "whisper")
    described = {"name": "whisper", "weights": str(tmp_path / "whisper"), "device": "cpu", "most_s": 20.0}
    cues = Settings.model_validate(described).build().hear(CLIPS / "bunny_h264_surround.mp4")
    assert all(0 <= cue.start_s <= cue.end_s and cue.text for cue in cues)
