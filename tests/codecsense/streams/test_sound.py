from pathlib import Path

import numpy as np
import pytest
from transformers import WhisperFeatureExtractor

from codecsense.streams.settings import SoundConfig
from codecsense.streams.sound import RATE_HZ, hear, log_mel, silence, waveform

SOUND = SoundConfig(num_mels=80, window_s=2.0)


@pytest.mark.parametrize("num_mels", [80, 128])
def test_log_mel_is_that_of_whispers_feature_extractor(num_mels: int):
    noise = np.random.default_rng(0)
    seconds = np.arange(2 * RATE_HZ) / RATE_HZ
    heard = (0.3 * np.sin(2 * np.pi * 700 * seconds) + 0.01 * noise.standard_normal(len(seconds))).astype(np.float32)
    theirs = WhisperFeatureExtractor(feature_size=num_mels, chunk_length=2)(heard, sampling_rate=RATE_HZ)
    np.testing.assert_allclose(log_mel(heard, num_mels), theirs["input_features"][0], atol=2e-3)


def test_surround_sound_is_mixed_down_and_resampled(real: Path):
    heard = waveform(real / "bunny_h264_surround.mp4", 10 * RATE_HZ)
    assert heard is not None
    assert 1.0 * RATE_HZ < len(heard) < 2.0 * RATE_HZ
    assert np.abs(heard).max() <= 1.0


def test_sound_keeps_its_pitch(unusual_files: dict[str, Path]):
    """The sound of `sound_only` is a sine of 440 Hz."""
    heard = waveform(unusual_files["sound_only"], RATE_HZ)
    assert heard is not None
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert spectrum.argmax() * RATE_HZ / len(heard) == pytest.approx(440, abs=2)


def test_every_video_has_the_same_shape_of_sound(real: Path):
    short = hear(real / "bunny_h264_surround.mp4", SOUND)
    assert short is not None
    assert short.shape == silence(SOUND).shape == (80, 200)


def test_a_video_without_sound_hears_nothing(real: Path):
    assert hear(real / "flv1.flv", SOUND) is None
