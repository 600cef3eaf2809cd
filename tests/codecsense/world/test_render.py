"""The pictures: what the anchors must not tell, and what the frames between must show."""

import numpy as np
import pytest

from codecsense.world import WorldConfig
from codecsense.world.render import DIP, ORBIT_PX, PAINT, SWING_PX, frames
from codecsense.world.script import Action, Script, Sprite

STILL = Action("still")


@pytest.fixture(scope="module")
def calm() -> Script:
    """Nothing happens: a red square in the middle left, a blue circle far from it."""
    return Script(
        clip_id="calm",
        split="train",
        seed=5,
        sprites=(
            Sprite("red", "square", (5, 5, 5, 5), (STILL,) * 3, (0, 0)),
            Sprite("blue", "circle", (15, 15, 15, 15), (STILL,) * 3, (0, 0)),
        ),
        pans=((0, 0),) * 3,
        pitches=("low", "mid", "high"),
        beeps=(1, 2, 3),
    )


def acting(script: Script, action: Action) -> Script:
    """The red square does `action` in the first interval."""
    red, blue = script.sprites
    return script._replace(sprites=(red._replace(actions=(action, STILL, STILL)), blue))


HIDDEN = [
    *(Action("swing", way=way, count=count) for way in ("left", "right", "up", "down") for count in (1, 2, 3)),
    *(Action("orbit", spin=spin) for spin in ("cw", "ccw")),
    *(Action("flash", count=count) for count in (1, 2, 3)),
]


@pytest.mark.parametrize(
    "action", HIDDEN, ids=lambda action: f"{action.kind}-{action.way}-{action.count}-{action.spin}"
)
def test_anchors_cannot_tell_an_action_that_returns(calm: Script, world: WorldConfig, action: Action):
    rest, moved = frames(calm, world), frames(acting(calm, action), world)
    assert np.array_equal(rest[::16], moved[::16])
    assert not np.array_equal(rest[1:16], moved[1:16])
    assert np.array_equal(rest[17:], moved[17:])


@pytest.mark.parametrize(("way", "axis", "sign"), [("left", 0, -1), ("right", 0, 1), ("up", 1, -1), ("down", 1, 1)])
def test_a_swing_goes_its_way_and_comes_back(calm: Script, world: WorldConfig, way: str, axis: int, sign: int):
    track = red_centre(frames(acting(calm, Action("swing", way=way, count=1)), world))
    away = track - track[0]
    assert away[8, axis] == pytest.approx(sign * SWING_PX, abs=0.5)
    assert np.abs(away[:, 1 - axis]).max() < 0.5
    assert np.abs(away[16:]).max() == 0


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_swing_is_repeated_as_often_as_it_is_counted(calm: Script, world: WorldConfig, count: int):
    track = red_centre(frames(acting(calm, Action("swing", way="right", count=count)), world))[:17, 0]
    out = track > track[0] + SWING_PX / 2
    assert np.count_nonzero(out[1:] & ~out[:-1]) == count


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_flash_dims_as_often_as_it_is_counted_and_does_not_move(calm: Script, world: WorldConfig, count: int):
    light = frames(acting(calm, Action("flash", count=count)), world)[:17, 30:42, 30:42, 0].mean((1, 2))
    dark = light < (1 - DIP / 2) * light[0]
    assert np.count_nonzero(dark[1:] & ~dark[:-1]) == count


@pytest.mark.parametrize(("spin", "sign"), [("cw", 1), ("ccw", -1)])
def test_an_orbit_turns_as_a_clock_or_against_it(calm: Script, world: WorldConfig, spin: str, sign: int):
    """The signed area of its path, with y pointing down, is positive for a clock's hand."""
    x, y = red_centre(frames(acting(calm, Action("orbit", spin=spin)), world))[:17].T
    area = 0.5 * float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())
    assert sign * area == pytest.approx(np.pi * ORBIT_PX**2, rel=0.2)


def test_two_dense_frames_per_swing_alias_one_and_three_swings(calm: Script, world: WorldConfig):
    """Declared wherever dense frames are compared: at four samples an interval one swing looks like three."""
    one, three = (frames(acting(calm, Action("swing", way="up", count=count)), world) for count in (1, 3))
    assert np.abs(one[0:17:4].astype(int) - three[0:17:4]).max() <= 1


def test_the_ground_pans_whole_pixels_and_carries_no_sprite_along(calm: Script, world: WorldConfig):
    panned = frames(calm._replace(pans=((1, 0), (0, 0), (0, 0))), world)
    assert np.array_equal(panned[0, :20, 70:90], panned[3, :20, 73:93])
    assert np.array_equal(red_centre(panned)[0], red_centre(panned)[15])


def test_a_sprite_may_swing_out_of_the_picture(calm: Script, world: WorldConfig):
    red, blue = calm.sprites
    corner = red._replace(
        cells=(0,) * 4, jitter_px=(-2, -2), actions=(Action("swing", way="left", count=1), STILL, STILL)
    )
    assert frames(calm._replace(sprites=(corner, blue)), world).shape == (49, 96, 96, 3)


def test_looks_come_from_the_seed_alone(calm: Script, world: WorldConfig):
    assert np.array_equal(frames(calm, world), frames(calm._replace(clip_id="other"), world))
    assert not np.array_equal(frames(calm, world)[0], frames(calm._replace(seed=6), world)[0])


def red_centre(pictures: np.ndarray) -> np.ndarray:
    """Mean place (x, y) of the red pixels of each frame."""
    colour = pictures.astype(int)
    red = colour[..., 0] - np.maximum(colour[..., 1], colour[..., 2]) > PAINT["red"][0] * 0.3
    rows, columns = np.mgrid[: red.shape[1], : red.shape[2]]
    return np.stack([(red * columns).sum((1, 2)), (red * rows).sum((1, 2))], 1) / red.sum((1, 2))[:, None]
