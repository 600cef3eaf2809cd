"""The sound of a video as Whisper hears it: log-mel, 16 kHz, hop 160 [1], in plain numpy.

Written out here because workers that read videos by the thousand should not load a deep-learning library for
a short-time Fourier transform; a test holds it to the feature extractor of transformers. The window is fixed:
longer sound is cut, shorter sound and silence are padded, so every video has the same shape.

References:
    [1] Radford et al., Robust Speech Recognition via Large-Scale Weak Supervision, arXiv 2212.04356, section 2.2.
"""

from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from jaxtyping import Float16, Float32
from numpy.lib.stride_tricks import sliding_window_view

from codecsense.codecs.container import BAD_FILE, opened
from codecsense.streams.settings import SoundConfig

RATE_HZ = 16000
HOP = 160
WINDOW = 400
MAX_ERRORS = 100


def hear(path: Path, settings: SoundConfig) -> Float16[np.ndarray, "mels steps"] | None:
    """Log-mel of the first audio stream of `path`; None where there is none that can be decoded."""
    samples = round(settings.window_s * RATE_HZ)
    heard = waveform(path, samples)
    if heard is None:
        return None
    padded = np.pad(heard, (0, samples - len(heard)))
    return np.asarray(log_mel(padded, settings.num_mels), np.float16)


def silence(settings: SoundConfig) -> Float16[np.ndarray, "mels steps"]:
    """What `hear` returns for a silent file."""
    samples = round(settings.window_s * RATE_HZ)
    return np.asarray(log_mel(np.zeros(samples, np.float32), settings.num_mels), np.float16)


def waveform(path: Path, samples: int) -> Float32[np.ndarray, " heard"] | None:
    """At most `samples` of sound, mixed down to one channel at 16 kHz; damaged packets are stepped over."""
    with opened(path) as container:
        if not container.streams.audio:
            return None
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
        pieces: list[np.ndarray] = []
        count = errors = 0
        packets = container.demux(container.streams.audio[0])
        while count < samples and errors < MAX_ERRORS:
            try:
                packet = next(packets)
                frames = [out for frame in packet.decode() for out in resampler.resample(frame)]
                if packet.size == 0:
                    frames += resampler.resample(None)
            except StopIteration:
                break
            except (*BAD_FILE, ValueError):
                errors += 1
                continue
            pieces += [frame.to_ndarray().reshape(-1) for frame in frames]
            count = sum(map(len, pieces))
        return np.concatenate(pieces)[:samples] if pieces else None


def log_mel(heard: Float32[np.ndarray, " samples"], num_mels: int) -> Float32[np.ndarray, "mels steps"]:
    """Whisper's normalised log-mel of a whole number of hops."""
    padded = np.pad(heard, WINDOW // 2, mode="reflect")
    frames = sliding_window_view(padded, WINDOW)[::HOP][: len(heard) // HOP]
    window = np.hanning(WINDOW + 1)[:-1]
    power = np.abs(np.fft.rfft(frames * window, axis=-1)) ** 2
    mel = np.log10(np.maximum(mel_filters(num_mels).T @ power.T, 1e-10))
    mel = np.maximum(mel, mel.max() - 8.0)
    return np.asarray((mel + 4.0) / 4.0, np.float32)


@lru_cache(maxsize=4)
def mel_filters(num_mels: int) -> np.ndarray:
    """Slaney's triangular filters [201, num_mels], each of unit area over its band in Hz."""
    bins_hz = np.linspace(0, RATE_HZ / 2, WINDOW // 2 + 1)
    edges_hz = _hertz(np.linspace(0, _mel(RATE_HZ / 2), num_mels + 2))
    widths = np.diff(edges_hz)
    slopes = edges_hz[None] - bins_hz[:, None]
    rising, falling = -slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]
    triangles = np.maximum(0, np.minimum(rising, falling))
    filters: np.ndarray = triangles * (2.0 / (edges_hz[2:] - edges_hz[:-2]))
    return filters


def _mel(hertz: float) -> float:
    return float(15.0 + np.log(hertz / 1000.0) * 27.0 / np.log(6.4)) if hertz >= 1000 else 3.0 * hertz / 200.0


def _hertz(mels: np.ndarray) -> np.ndarray:
    return np.where(mels >= 15.0, 1000.0 * np.exp(np.log(6.4) / 27.0 * (mels - 15.0)), 200.0 * mels / 3.0)
