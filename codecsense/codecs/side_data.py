"""What a decoder hands out beside a picture (vectors, quantisers), without keeping the picture.

PyAV's own `picture.side_data` is remembered by the picture and refers to it: a circle, which holds the picture until
the garbage is collected. At 1080p that was 80 MB of pictures between two collections, each in memory that no cache
had seen. A container of our own refers to the picture, and nothing refers back.
"""

from av.sidedata.sidedata import SideDataContainer
from av.video.frame import VideoFrame


def beside(picture: VideoFrame) -> SideDataContainer:
    """The side data of `picture`, by `av.sidedata.sidedata.Type`; whoever holds any of it holds the picture."""
    return SideDataContainer(picture)  # type: ignore[call-arg]  # PyAV's stubs leave its constructor out
