"""Decoders: what a model's numbers say, whichever way round it exports them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from handrail_bridge.perception import decoders
from handrail_bridge.perception import whole_decoders as whole
from handrail_bridge.vision import outlines
from handrail_drivers import decoder as api
from handrail_drivers import plugins
from handrail_drivers.errors import InvalidValue
from hypothesis import given
from hypothesis import strategies as st

SIZE = (64, 48)
LABELS = ("cube", "bin")
VALUES = 4 + len(LABELS)


def boxes(**settings):
    return decoders.Boxes(decoders.Boxes.Settings(labels=LABELS, **settings), SIZE)


def row(x, y, width, height, cube, bin_):
    return [x, y, width, height, cube, bin_]


def test_every_decoder_is_found_by_its_entry_point():
    ours = "boxes classification depth embedding keypoints raw segmentation text"
    assert set(plugins.decoders.found()) >= set(ours.split())
    assert plugins.decoders.broken() == {}


def test_of_two_boxes_of_one_thing_the_better_stays():
    rows = np.array(
        [row(20, 20, 10, 10, 0.9, 0), row(21, 20, 10, 10, 0.8, 0), row(40, 30, 8, 8, 0.1, 0.7)]
    )
    found = boxes().decode([rows.T[None]]).finds
    assert [(one.label, one.score) for one in found] == [("cube", 0.9), ("bin", 0.7)]
    assert found[0].box == (15, 15, 25, 25)


def test_what_overlaps_but_is_of_another_kind_stays():
    rows = np.array([row(20, 20, 10, 10, 0.9, 0), row(20, 20, 12, 12, 0, 0.8)])
    assert len(boxes().decode([rows.T[None]]).finds) == 2


def test_rows_columns_corners_and_shares_say_the_same():
    center = np.array([row(20, 20, 10, 8, 0.9, 0)])
    corners = np.array([row(15, 16, 25, 24, 0.9, 0)])
    share = center / np.array([*SIZE, *SIZE, 1, 1])
    wanted = boxes().decode([center.T[None]]).finds[0].box
    assert boxes(layout="rows").decode([center[None]]).finds[0].box == wanted
    assert boxes(box="corners").decode([corners.T[None]]).finds[0].box == wanted
    assert boxes(normalized=True).decode([share.T[None]]).finds[0].box == pytest.approx(wanted)


def test_objectness_multiplies_and_logits_become_scores():
    rows = np.array([[20, 20, 10, 10, 0.0, 2.0, -9.0]])
    (found,) = boxes(objectness=True, activation="sigmoid").decode([rows.T[None]]).finds
    assert found.score == pytest.approx(0.5 / (1 + math.exp(-2)))


def test_a_keypoint_and_a_turn_follow_the_scores():
    turn = 0.3
    rows = np.array(
        [[*row(20, 20, 10, 10, 0.9, 0), 21.0, 19.5, math.cos(4 * turn), math.sin(4 * turn)]]
    )
    (found,) = boxes(keypoints=1, fold=4).decode([rows.T[None]]).finds
    assert found.points == ((21.0, 19.5, 0.9),)
    assert found.turn == pytest.approx(turn)
    (other,) = boxes(keypoints=1, fold=4, turned=("bin",)).decode([rows.T[None]]).finds
    assert other.turn is None


edges = st.floats(0, 60)


@given(st.lists(st.tuples(edges, edges, st.floats(1, 30), st.floats(1, 30)), max_size=12))
def test_no_two_boxes_that_stay_overlap_too_much(given_boxes):
    corners = np.array([(x, y, x + w, y + h) for x, y, w, h in given_boxes]).reshape(-1, 4)
    scores = np.linspace(1, 0.5, len(corners))
    kept = outlines.suppressed(corners, scores, np.zeros(len(corners), int), 0.5)
    assert kept == sorted(kept)  # best first
    assert not len(corners) or kept[0] == 0
    for n, one in enumerate(kept):
        for other in kept[n + 1 :]:
            assert overlap(corners[one], corners[other]) <= 0.5 + 1e-9


def overlap(one, other):
    both = max(0, min(one[2], other[2]) - max(one[0], other[0])) * max(
        0, min(one[3], other[3]) - max(one[1], other[1])
    )
    area = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return both / (area - both)


def test_connected_parts_are_finds_with_what_they_cover():
    heat = np.zeros((1, 2, 6, 8))
    heat[0, 0, 1:3, 1:4] = 0.8
    heat[0, 0, 4, 6] = 0.9
    settings = decoders.Segmentation.Settings(labels=("hand", "other"), smallest=2)
    (found,) = decoders.Segmentation(settings, SIZE).decode([heat]).finds
    assert (found.label, found.box) == ("hand", (8, 8, 32, 24))
    assert len(found.outline) == 6
    assert all(8 < x < 32 and 8 < y < 24 for x, y in found.outline)


def test_a_large_part_keeps_its_edge():
    heat = np.zeros((1, 1, 120, 160))
    heat[0, 0, 10:110, 20:140] = 0.9
    settings = decoders.Segmentation.Settings(labels=("hand",))
    (found,) = decoders.Segmentation(settings, (160, 120)).decode([heat]).finds
    told = set(found.outline)
    for x in range(20, 140):
        assert {(x + 0.5, 10.5), (x + 0.5, 109.5)} <= told
    for y in range(10, 110):
        assert {(20.5, y + 0.5), (139.5, y + 0.5)} <= told
    assert (139.5 - 20.5) * 2 < len(told) < 2000


def test_a_long_thin_part_is_all_edge():
    heat = np.zeros((1, 1, 4, 1100), np.float32)
    heat[0, 0, 2] = 1.0
    settings = decoders.Segmentation.Settings(labels=("hand",))
    (found,) = decoders.Segmentation(settings, (4400, 16)).decode([heat]).finds
    assert len(found.outline) == 1100


def test_the_highest_label_wins_where_labels_share_a_picture():
    heat = np.full((1, 3, 2, 2), 0.1)
    heat[0, 0] = 0.5
    heat[0, 2, 0, 0] = 0.9
    settings = decoders.Segmentation.Settings(
        labels=("table", "hand", "tool"), apart=False, background="table"
    )
    (found,) = decoders.Segmentation(settings, SIZE).decode([heat]).finds
    assert (found.label, found.box) == ("tool", (0, 0, 32, 24))


@given(st.floats(2, 5), st.floats(2, 5))
def test_a_peak_is_found_between_the_places_of_a_heat_map(x, y):
    rows, columns = np.mgrid[0:8, 0:8]
    heat = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2)[None, None]
    settings = decoders.Heatmaps.Settings(labels=("tip",))
    (found,) = decoders.Heatmaps(settings, (8, 8)).decode([heat]).finds
    assert found.points[0][:2] == pytest.approx((x + 0.5, y + 0.5), abs=0.15)


def test_classes_come_best_first_and_are_shares():
    settings = whole.Classification.Settings(labels=("a", "b", "c"), activation="softmax", best=2)
    found = whole.Classification(settings, SIZE).decode([np.array([[0.0, 3.0, 1.0]])]).finds
    assert [one.label for one in found] == ["b", "c"]
    assert found[0].score == pytest.approx(math.exp(3) / (1 + math.exp(3) + math.e))


def test_depth_is_in_metres_over_the_whole_picture():
    maps = np.full((1, 1, 24, 32), 500.0)
    maps[..., 16:] = 250.0
    settings = whole.Depth.Settings(scale=0.001)
    said = whole.Depth(settings, SIZE).decode([maps])
    assert said.depth.shape == (48, 64)
    assert said.depth[0, 0] == pytest.approx(0.5)
    assert said.values == {"nearest": pytest.approx(0.25), "farthest": pytest.approx(0.5)}


def test_an_embedding_has_length_one_and_raw_numbers_stay():
    nothing = api.DecoderSettings()
    said = whole.Embedding(nothing, SIZE).decode([np.array([[3.0, 4.0]])])
    assert said.values == {"embedding": [0.6, 0.8]}
    assert whole.Raw(nothing, SIZE).decode([np.array([[1, 2]])]).values == {"0": [[1, 2]]}


@pytest.mark.parametrize(
    ("classes", "text"),
    [
        ([0, 1, 1, 0, 1, 2, 0], "aab"),
        ([3, 3, 3], " "),
        ([0, 0, 0], ""),
        ([2, 1, 2], "bab"),
    ],
)
def test_of_text_what_repeats_is_one_and_blanks_part(classes, text):
    decoder = whole.Text(whole.Text.Settings(characters="ab "), SIZE)
    places = np.full((1, len(classes), 4), 0.02)
    places[0, range(len(classes)), classes] = 0.9
    said = decoder.decode([places]).values
    assert said["text"] == text
    assert said["score"] == pytest.approx(0.9 if text else 0.0)
    with pytest.raises(InvalidValue, match="this decoder reads"):
        decoder.decode([np.zeros((1, 3, 5))])


@pytest.mark.parametrize("shape", [(1, VALUES + 1, 10), (2, VALUES, 10), (VALUES, 10)])
def test_an_output_of_another_shape_is_named(shape):
    with pytest.raises(InvalidValue, match="this decoder reads") as refused:
        boxes().decode([np.zeros(shape)])
    assert refused.value.value == list(shape)
