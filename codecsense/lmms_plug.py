"""Our model inside lmms-eval, the field's harness: `--model codecsense`, found through the package's entry point.

A question of any task is asked of the one video file that the task shows with it, by the same extraction and the same
first word as `codecsense ask`. lmms-eval pins an older PyAV and its own tools, so it lives in an environment of its own
(docs/lmms_eval.md) and is imported here alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lmms_eval.api.instance import Instance
from lmms_eval.api.model import lmms
from lmms_eval.models.registry_v2 import ModelManifest

from codecsense import config
from codecsense.codecs.settings import AuditConfig
from codecsense.evaluation import asking
from codecsense.streams.settings import ExtractConfig
from codecsense.training import checkpoints
from codecsense.two_stage import TwoStage


def manifest() -> ModelManifest:
    """What lmms-eval registers."""
    return ModelManifest(model_id="codecsense", simple_class_path=f"{__name__}.{CodecSenseModel.__name__}")


class CodecSenseModel(lmms):
    """A trained model as lmms-eval wants one; the arguments are those of `codecsense ask`."""

    def __init__(
        self,
        checkpoint: str,
        weights: str = "data/host",
        ear: str = "data/ear",
        params: str = "params.yaml",
        batch_size: int | str = 1,
        device: str | None = None,
    ) -> None:
        super().__init__()
        if device not in (None, "cpu"):
            raise ValueError(f"device {device!r}: the host's own `model.host.device_map` says where it is")
        values = config.read(Path(params))
        self.network = checkpoints.load_trained(Path(checkpoint), weights=Path(weights))
        self.encoder = self.network.settings.audio.encoder.load(Path(ear) / "audio").eval()
        self.sections = asking.Settings(
            AuditConfig.model_validate(values["audit"]),
            ExtractConfig.model_validate(values["extract"]),
            TwoStage.model_validate(values["two_stage"]),
        )

    def generate_until(self, requests: Sequence[Instance]) -> list[str]:
        """The replies in the order of the requests; each video is read once."""
        asked: dict[Path, list[tuple[int, str]]] = {}
        for number, request in enumerate(requests):
            words, _, visuals_of, document, task, split = request.args
            asked.setdefault(_video(visuals_of(self.task_dict[task][split][document])), []).append((number, words))
        replies = [""] * len(requests)
        for video, questions in asked.items():
            words = [text.strip() for _, text in questions]
            said = asking.ask(self.network, self.encoder, video, words, settings=self.sections, in_two_stages=False)
            for (number, _), reply in zip(questions, said, strict=True):
                replies[number] = reply.answer
        return replies

    def loglikelihood(self, requests: Sequence[Instance]) -> list[tuple[float, bool]]:
        """Not for this model: ValueError names what it can do."""
        raise ValueError("codecsense answers tasks of output_type generate_until, not of loglikelihood")

    def generate_until_multi_round(self, requests: Sequence[Instance]) -> list[str]:
        """Not for this model: ValueError names what it can do."""
        raise ValueError("codecsense answers tasks of one round")


def _video(visuals: Sequence[Any]) -> Path:
    if len(visuals) != 1 or not isinstance(visuals[0], str | Path):
        raise ValueError(
            f"codecsense reads motion from a file: a task must show one video by its path, not {visuals!r:.80}"
        )
    return Path(visuals[0])
