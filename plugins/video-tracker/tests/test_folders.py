"""Detectors kept as transformers folders.

transformers is no requirement of the platform's, nor of its tests': with all it brings it takes some
200 MB and a minute to install. Whoever has it runs these."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from video_tracker.folders import FolderDetector

from .conftest import CPU

transformers: Any = None
if importlib.util.find_spec("transformers") is not None:
    transformers = importlib.import_module("transformers")


def test_without_transformers_it_says_what_to_install(tmp_path: Path) -> None:
    if transformers is not None:
        pytest.skip("transformers is installed here")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(RuntimeError, match="`pip install transformers`"):
        FolderDetector.load(tmp_path, CPU)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An RT-DETR as small as can be, with weights by chance, as `save_pretrained()` writes it."""
    if transformers is None:
        pytest.skip("needs transformers: only who uses such a folder has it")
    torch.manual_seed(0)
    backbone = transformers.RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    small = dict.fromkeys(
        (
            "encoder_hidden_dim",
            "d_model",
            "encoder_ffn_dim",
            "decoder_ffn_dim",
        ),
        32,
    )
    config = transformers.RTDetrConfig(
        backbone_config=backbone,
        encoder_in_channels=[16, 24, 32],
        decoder_in_channels=[32, 32, 32],
        num_queries=30,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        num_labels=3,
        anchor_image_size=None,
        **small,
    )
    transformers.RTDetrForObjectDetection(config).save_pretrained(tmp_path)
    preparation = {"do_normalize": False, "size": {"height": 320, "width": 320}}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(preparation))
    return tmp_path


def test_a_folder_answers_in_the_pictures_pixels(folder: Path) -> None:
    detector = FolderDetector.load(folder, CPU)
    answers = detector.detect([np.zeros((180, 320, 3), np.uint8)] * 2, least_score=0.0)
    assert detector.labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    assert len(answers) == 2
    for answer in answers:
        assert len(answer.boxes) > 0
        assert (answer.boxes >= 0).all()
        assert (answer.boxes <= [320, 180, 320, 180]).all()
        assert set(answer.labels.tolist()) <= {0, 1, 2}
