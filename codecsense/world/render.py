"""The pictures of a clip: two textured sprites on a textured ground.

Sprites are drawn from formulas at sub-pixel places, so motion is smooth, and at every anchor the formulas of all
actions but `go` give the very place, shape and light of the anchor before. What is random here (textures, the phase
of an orbit) has a generator of its own and so tells nothing of the facts.

Sizes are chosen so that the streams divide the work as physics does: an orbit stays within a block, where residual
maps see it turn but not which way, and a flash is faint against the sprite's weave, so that the encoder does not
chase the changing light with vectors. The probe stage measures both.

Shapes:
    frames  of the clip, anchors included    size  side of the picture in pixels
    window  side of the square around a sprite's centre that holds all of it
"""

import numpy as np
from jaxtyping import Float64, UInt8

from codecsense.world import NUM_INTERVALS, WorldConfig
from codecsense.world.script import WAYS, Action, Script, Sprite, position

PAINT = {"red": (225, 45, 45), "green": (45, 185, 60), "blue": (60, 90, 235), "yellow": (235, 215, 50)}
RADIUS_PX = 9.0
SWING_PX = 5.0
ORBIT_PX = 2.0
DIP = 0.3  # share of its light that a sprite loses at the bottom of a flash
WEAVE = 0.2  # half the contrast of each of the two waves of a sprite's texture
WINDOW_PX = 26
GROUND_PX = 128  # side of the ground's texture, which repeats


def frames(script: Script, world: WorldConfig) -> UInt8[np.ndarray, "frames size size 3"]:
    """Every frame of the clip in RGB."""
    random = np.random.default_rng([script.seed, 1])
    pictures = _ground(script, world, random)
    for sprite in script.sprites:
        _draw(pictures, sprite, world, random)
    return pictures


def _ground(script: Script, world: WorldConfig, random: np.random.Generator) -> UInt8[np.ndarray, "frames size size 3"]:
    """The ground of every frame."""
    tiles = 1 + -(-world.size_px // GROUND_PX)
    texture = np.tile(_texture(random), (tiles, tiles, 1))
    velocity = np.repeat(np.array(script.pans), world.gop_frames, axis=0)
    moved = np.concatenate([np.zeros((1, 2), dtype=int), np.cumsum(velocity, axis=0)])
    corners = (-moved) % GROUND_PX
    return np.stack([texture[y : y + world.size_px, x : x + world.size_px] for x, y in corners])


def _texture(random: np.random.Generator) -> UInt8[np.ndarray, "ground ground 3"]:
    """Soft grey-brown noise that repeats seamlessly; whole numbers until the end, so it is the same everywhere."""
    noise = random.integers(0, 256, (GROUND_PX, GROUND_PX)).astype(np.int64)
    for width in (2, 3):
        for axis in (0, 1):
            noise = np.sum([np.roll(noise, shift, axis) for shift in range(-width, width + 1)], axis=0)
    light = 100 + 1.6 * (noise / (5 * 5 * 7 * 7) - 127.5)
    tint = random.uniform(0.85, 1.0, 3)
    return np.clip(light[..., None] * tint, 0, 255).astype(np.uint8)


def _draw(
    pictures: UInt8[np.ndarray, "frames size size 3"],
    sprite: Sprite,
    world: WorldConfig,
    random: np.random.Generator,
) -> None:
    """Paint a sprite over every frame."""
    centre, light = _motion(sprite, world, random)
    corner = np.floor(centre).astype(int) - WINDOW_PX // 2
    grid = np.arange(WINDOW_PX)
    x = corner[:, 0, None, None] + grid[None, None, :] - centre[:, 0, None, None]
    y = corner[:, 1, None, None] + grid[None, :, None] - centre[:, 1, None, None]
    alpha = _cover(sprite.shape, x, y)[..., None]
    weave = _weave(x, y, random)[..., None]
    colour = np.array(PAINT[sprite.colour]) * weave * light[:, None, None, None]
    for frame, (left, top) in enumerate(corner):
        rows, columns = (slice(max(at, 0), min(at + WINDOW_PX, world.size_px)) for at in (top, left))
        within = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        place = pictures[frame, rows, columns]
        place[:] = place + alpha[frame][within] * (colour[frame][within] - place)


def _motion(
    sprite: Sprite, world: WorldConfig, random: np.random.Generator
) -> tuple[Float64[np.ndarray, "frames 2"], Float64[np.ndarray, " frames"]]:
    """Centre in pixels (x, y) and light (1 is full) of a sprite in every frame."""
    time = np.arange(world.gop_frames) / world.gop_frames
    centres, lights = [], []
    for interval in range(NUM_INTERVALS):
        rest = _rest(sprite, sprite.cells[interval], world)
        centres.append(rest + _shift(sprite.actions[interval], time, world.cell_px, phase=random.uniform(0, 2 * np.pi)))
        lights.append(_light(sprite.actions[interval], time))
    centres.append(_rest(sprite, sprite.cells[-1], world)[None])
    lights.append(np.ones(1))
    return np.concatenate(centres), np.concatenate(lights)


def _rest(sprite: Sprite, cell: int, world: WorldConfig) -> Float64[np.ndarray, "2"]:
    return (np.array(position(cell)) + 0.5) * world.cell_px - 0.5 + sprite.jitter_px


def _shift(
    action: Action, time: Float64[np.ndarray, " t"], cell_px: int, *, phase: float
) -> Float64[np.ndarray, "t 2"]:
    """Where an action takes the sprite at `time` (0 at the opening anchor, 1 at the closing), from where it rested."""
    if action.kind == "swing":
        return np.outer(SWING_PX * np.sin(np.pi * action.count * time) ** 2, WAYS[action.way])
    if action.kind == "go":
        return np.outer(cell_px * time**2 * (3 - 2 * time), WAYS[action.way])
    if action.kind == "orbit":
        turn = phase + 2 * np.pi * time * (1 if action.spin == "cw" else -1)  # y points down, so growing is clockwise
        around = np.stack([np.cos(turn) - np.cos(phase), np.sin(turn) - np.sin(phase)], axis=1)
        return ORBIT_PX * around
    return np.zeros((len(time), 2))


def _light(action: Action, time: Float64[np.ndarray, " t"]) -> Float64[np.ndarray, " t"]:
    return 1 - DIP * np.sin(np.pi * action.count * time) ** 2 if action.kind == "flash" else np.ones(len(time))


def _cover(
    shape: str, x: Float64[np.ndarray, "frames 1 window"], y: Float64[np.ndarray, "frames window 1"]
) -> Float64[np.ndarray, "frames window window"]:
    """How much of each pixel the sprite covers, 0 to 1; `x` and `y` are measured from its centre."""
    if shape == "circle":
        inside = RADIUS_PX - np.hypot(x, y)
    elif shape == "square":
        inside = RADIUS_PX - 1 - np.maximum(np.abs(x), np.abs(y))
    else:  # an upright triangle, as wide as high
        slope = np.hypot(2, 1)
        inside = np.minimum(RADIUS_PX - 1 - y, (y + RADIUS_PX - 2 * np.abs(x)) / slope)
    cover: np.ndarray = np.clip(inside + 0.5, 0, 1)
    return cover


def _weave(
    x: Float64[np.ndarray, "frames 1 window"], y: Float64[np.ndarray, "frames window 1"], random: np.random.Generator
) -> Float64[np.ndarray, "frames window window"]:
    """A fabric that moves with the sprite: a factor of at most 1 on its colour."""
    angle, first, second = random.uniform(0, 2 * np.pi, 3)
    across, along = np.cos(angle), np.sin(angle)
    waves: np.ndarray = np.sin(1.1 * (across * x + along * y) + first) + np.sin(0.9 * (across * y - along * x) + second)
    return 1 - 2 * WEAVE + WEAVE * waves
