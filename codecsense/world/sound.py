"""The sound of a clip: in each interval one pitch, beeped one to three times.

References: none; the pitches are far enough apart for any ear, and for any log-mel grid.
"""

import numpy as np
from jaxtyping import Int16

from codecsense.world import NUM_INTERVALS, WorldConfig
from codecsense.world.script import Script

PITCH_HZ = {"low": 350.0, "mid": 900.0, "high": 2200.0}
BEEP_S = 0.18
LOUDNESS = 0.4
HISS = 0.002


def wave(script: Script, world: WorldConfig) -> Int16[np.ndarray, " samples"]:
    """The whole clip's sound, mono."""
    random = np.random.default_rng([script.seed, 2])
    num_samples = round(world.num_frames / world.fps * world.sample_rate_hz)
    sound = HISS * random.standard_normal(num_samples)
    interval_s = world.gop_frames / world.fps
    for interval in range(NUM_INTERVALS):
        slot_s = interval_s / (script.beeps[interval] + 1)
        for beep in range(script.beeps[interval]):
            middle_s = interval * interval_s + (beep + 1) * slot_s + random.uniform(-0.03, 0.03)
            start = round((middle_s - BEEP_S / 2) * world.sample_rate_hz)
            tone = _beep(PITCH_HZ[script.pitches[interval]], world.sample_rate_hz)
            sound[start : start + len(tone)] += tone
    return np.rint(sound * 32767).astype(np.int16)


def _beep(pitch_hz: float, sample_rate_hz: int) -> np.ndarray:
    time_s = np.arange(round(BEEP_S * sample_rate_hz)) / sample_rate_hz
    return LOUDNESS * np.hanning(len(time_s)) * np.sin(2 * np.pi * pitch_hz * time_s)
