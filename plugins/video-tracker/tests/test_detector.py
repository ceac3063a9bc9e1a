"""The network, its training and what becomes of its answers."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from video_tracker.detector import on_device, without_doubles
from video_tracker.net import STRIDE, ShapeNet
from video_tracker.plugin import check_detector, gpu, load_detector
from video_tracker.scenes import LABELS, scene
from video_tracker.shapes import ShapeDetector
from video_tracker.train import Round, calibrate, forward, loss_of, make_weights, targets, train

from bulkhead_tracking import intersections_over_union

from .conftest import CPU, FOLDER, WEIGHTS


@pytest.fixture(scope="module")
def detector() -> ShapeDetector:
    return ShapeDetector.load(WEIGHTS, CPU)


def test_the_shipped_weights_are_small_and_pinned() -> None:
    assert WEIGHTS.stat().st_size < 600_000


def test_it_finds_shapes_it_never_saw(detector: ShapeDetector) -> None:
    random = np.random.default_rng(99)
    scenes = [scene(random) for _ in range(24)]
    answers = detector.detect([picture for picture, _, _ in scenes], least_score=0.5)
    shapes = hits = false = right = 0
    for (_, boxes, labels), answer in zip(scenes, answers, strict=True):
        overlap = intersections_over_union(boxes.astype(float), answer.boxes)
        matched = overlap > 0.5
        shapes += len(boxes)
        hits += int(matched.any(axis=1).sum())
        false += int((~matched.any(axis=0)).sum())
        right += sum(
            labels[row] == answer.labels[overlap[row].argmax()]
            for row in np.flatnonzero(matched.any(axis=1))
        )
    assert hits / shapes > 0.7
    assert false / shapes < 0.3
    assert right / hits > 0.7


def test_pictures_of_any_size_have_boxes_within_them(detector: ShapeDetector) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (123, 77, 3), np.uint8)
    (answer,) = detector.detect([picture], least_score=0.01)
    assert (answer.boxes >= 0).all()
    assert (answer.boxes[:, 0::2] <= 77).all()
    assert (answer.boxes[:, 1::2] <= 123).all()
    assert (np.diff(answer.scores) <= 0).all()


def test_a_batch_answers_as_its_pictures_do_alone(detector: ShapeDetector) -> None:
    random = np.random.default_rng(3)
    pictures = [scene(random)[0] for _ in range(4)]
    together = detector.detect(pictures, least_score=0.3)
    for picture, answer in zip(pictures, together, strict=True):
        (alone,) = detector.detect([picture], least_score=0.3)
        assert np.allclose(alone.boxes, answer.boxes, atol=0.1)


def test_the_check_passes_on_the_shipped_weights_and_not_on_others(
    detector: ShapeDetector,
) -> None:
    check_detector(detector)
    torch.manual_seed(0)
    with pytest.raises(RuntimeError, match="do not belong to this version"):
        check_detector(ShapeDetector(ShapeNet(len(LABELS)), LABELS, CPU))


def test_without_a_gpu_there_is_no_device() -> None:
    if torch.cuda.is_available():
        assert gpu().type == "cuda"
    else:
        with pytest.raises(RuntimeError, match="does not work without one"):
            gpu()


def test_weights_of_another_net_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, path, metadata={"labels": '["round"]'})
    with pytest.raises(RuntimeError, match="does not hold this detector's weights"):
        ShapeDetector.load(path, CPU)
    path.write_bytes(b"nonsense")
    with pytest.raises(RuntimeError, match="does not hold this detector's weights"):
        ShapeDetector.load(path, CPU)


def test_a_model_folder_that_is_none_is_named(tmp_path: Path) -> None:
    for folder, words in (("", "model_folder is empty"), ("gone", "no detection model in")):
        with pytest.raises(RuntimeError, match=words):
            load_detector("transformers", folder=tmp_path, model_folder=folder, device=CPU)
    assert load_detector("shapes", folder=FOLDER, model_folder="", device=CPU).labels == LABELS


def test_doubles_go_and_the_surest_stays() -> None:
    boxes = torch.tensor([[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 10], [50, 50, 60, 60.0]])
    scores = torch.tensor([0.6, 0.9, 0.5, 0.3])
    same = torch.zeros(4, dtype=torch.long)
    assert without_doubles(boxes, scores, same).tolist() == [1, 3]
    assert without_doubles(boxes, scores, torch.tensor([0, 0, 1, 0])).tolist() == [1, 2, 3]
    assert without_doubles(boxes[:0], scores[:0], same[:0]).tolist() == []


def test_removing_doubles_is_the_greedy_algorithm() -> None:
    random = torch.Generator().manual_seed(4)
    corners = torch.rand(200, 2, generator=random) * 60
    boxes = torch.hstack([corners, corners + 20 + torch.rand(200, 2, generator=random) * 10])
    scores = torch.rand(200, generator=random)
    overlap = intersections_over_union(boxes.double().numpy(), boxes.double().numpy())
    stays: list[int] = []
    for row in torch.argsort(scores, descending=True).tolist():
        if all(overlap[row, other] <= 0.6 for other in stays):
            stays.append(row)
    found = without_doubles(boxes, scores, torch.zeros(200, dtype=torch.long))
    assert found.tolist() == stays


def test_pictures_become_red_green_blue_between_0_and_1() -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[..., 0] = 255
    batch = on_device([picture], CPU)
    assert batch.shape == (1, 3, 8, 8)
    assert batch[0, :, 0, 0].tolist() == [0.0, 0.0, 1.0]


def test_the_cells_at_a_boxs_centre_answer_for_it() -> None:
    box = torch.tensor([[16.0, 16.0, 80.0, 48.0]])
    wanted, edges = targets(box, torch.tensor([2]), 12)
    rows, columns = (wanted == 2).nonzero(as_tuple=True)
    assert len(rows) > 0
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
        left, top, right, bottom = (edges[:, row, column] * STRIDE).tolist()
        assert [x - left, y - top, x + right, y + bottom] == pytest.approx([16, 16, 80, 48])


def test_a_perfect_answer_costs_nothing_and_a_wrong_one_does() -> None:
    box, label = torch.tensor([[16.0, 16.0, 80.0, 48.0]]), torch.tensor([1])
    wanted, edges = (part[None] for part in targets(box, label, 12))
    perfect = torch.full((1, 4, 12, 12), -20.0)
    perfect[0, 1][wanted[0] == 1] = 20.0
    assert loss_of(perfect, edges, wanted, edges).item() == pytest.approx(0, abs=1e-4)
    assert loss_of(-perfect, edges, wanted, edges).item() > 1
    assert loss_of(perfect, edges * 3, wanted, edges).item() > 0.3


def test_the_same_seed_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    rounds = (Round(3, 3e-3), Round(2, 1e-3))
    here, there, other = (tmp_path / f"{name}.safetensors" for name in ("here", "there", "other"))
    code = "from video_tracker.train import *; make_weights({}, rounds={!r}, seed=5)"
    command = [sys.executable, "-c", code.format(f"Path({str(there)!r})", rounds)]
    # As the documented command runs: in the plugin's folder.
    subprocess.run(command, cwd=FOLDER, env=os.environ, check=True, capture_output=True)
    digest = make_weights(here, rounds=rounds, seed=5)
    assert digest == hashlib.sha256(there.read_bytes()).hexdigest()
    assert make_weights(other, rounds=rounds, seed=6) != digest


def test_training_learns() -> None:
    losses = []
    for steps in (1, 25):
        net = train(rounds=(Round(steps, 3e-3),), seed=5).train()
        random = np.random.default_rng(8)
        losses.append(loss_of(*forward(net, random)).item())
    assert losses[1] < losses[0]


@pytest.mark.skipif(
    "BULKHEAD_TRAIN" not in os.environ, reason="takes six minutes: set BULKHEAD_TRAIN=1"
)
@pytest.mark.timeout(3600)
def test_the_documented_command_makes_the_shipped_weights(tmp_path: Path) -> None:
    made = tmp_path / "detector.safetensors"
    command = [sys.executable, "-m", "video_tracker.train", "--into", str(made)]
    subprocess.run(command, cwd=FOLDER, check=True)
    assert made.read_bytes() == WEIGHTS.read_bytes()


def test_the_shipped_scores_are_calibrated(detector: ShapeDetector) -> None:
    net = detector._net
    before = net.classes.bias.detach().clone()
    try:
        assert calibrate(net, seed=1234) > 0.75
        assert torch.allclose(net.classes.bias, before, atol=0.5)
    finally:
        net.classes.bias.data = before


def test_scenes_are_the_same_for_the_same_seed_and_their_boxes_fit() -> None:
    for seed in range(20):
        picture, boxes, labels = scene(np.random.default_rng(seed))
        again = scene(np.random.default_rng(seed))[0]
        assert np.array_equal(picture, again)
        assert len(boxes) == len(labels)
        assert ((boxes >= 0) & (boxes <= picture.shape[0])).all()
