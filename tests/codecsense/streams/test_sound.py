from pathlib import Path

import av
import numpy as np
import pytest
from scipy.signal import resample_poly
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


def written(file: Path, samples: np.ndarray, rate_hz: int) -> Path:
    """One channel of 16-bit sound, uncompressed."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = rate_hz
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file


@pytest.mark.parametrize("rate_hz", [16000, 44100, 8000])
def test_a_file_is_heard_as_whisper_s_processor_hears_it_resampled(rate_hz: int, tmp_path: Path):
    """Decoded, resampled and transformed, beside SciPy's polyphase filter and the processor of transformers.

    Filters of resamplers differ near half the rate, so bins above 3 kHz are left out there, and what is left may differ
    by 0.05 of a scale that spans 2. At 16 kHz nothing is resampled and all bins agree to what half precision holds.
    """
    seconds = np.arange(2 * rate_hz) / rate_hz
    heard = 0.3 * np.sin(2 * np.pi * (300 + 400 * seconds) * seconds) + 0.2 * np.sin(2 * np.pi * 1500 * seconds)
    mel = hear(written(tmp_path / "sound.wav", heard, rate_hz), SOUND)
    assert mel is not None
    resampled = resample_poly(heard, RATE_HZ, rate_hz).astype(np.float32)
    theirs = WhisperFeatureExtractor(feature_size=80, chunk_length=2)(resampled, sampling_rate=RATE_HZ)
    expected = theirs["input_features"][0]
    low = 80 if rate_hz == RATE_HZ else 45
    difference = np.abs(mel[:low].astype(np.float32) - expected[:low])
    assert difference[:, 5:-5].mean() < (2e-3 if rate_hz == RATE_HZ else 0.05)


def test_a_silent_file_sounds_as_one_without_sound(tmp_path: Path):
    heard = hear(written(tmp_path / "silent.wav", np.zeros(3 * RATE_HZ), RATE_HZ), SOUND)
    assert heard is not None
    np.testing.assert_array_equal(heard, silence(SOUND))
