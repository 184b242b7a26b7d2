"""What the server says of trainings, samples and pictures: the sentences, and the numbers in them."""

import math

import numpy as np
import pytest

import pellucid as p
from pellucid.web.bench import Bench
from pellucid.web.looking.description import describe
from pellucid.web.words.judged import at_first, how_right, taken_otherwise, what_it_is
from pellucid.web.words.training import at_moment, beside, how_sure, of_epoch, row_of, since_when, standing
from pellucid.web.words.why import by_step, came_of_forgetting
from pellucid.web.words.written import accuracy, rate, significant

TOLD = {
    "state": "training", "step": 1234, "steps": 2000, "steps_per_epoch": 100, "loss": 0.5, "lr": 0.001, "rates": [],
    "trouble": "", "ending": "", "moments": [0],
}  # fmt: skip
JUDGED = {
    "edited": True, "before": 0.975, "now": 0.9, "flipped": 6, "broken": 4, "mended": 1, "problem": None,
    "most": ["7", "3", 2], "than": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.12345, "0.123"),
        (12.345, "12.3"),
        (123.4, "123"),
        (2.3, "2.30"),
        (0, "0"),
        (-0.5, "−0.500"),
        (1e-5, "1.00·10⁻⁵"),
        (2e6, "2.00·10⁶"),
    ],
)
def test_a_loss_has_three_digits(value, words):
    assert significant(value) == words


def test_how_accuracies_and_rates_are_written():
    assert [accuracy(share) for share in (0, 0.9731, 1)] == ["0 %", "97.3 %", "100 %"]
    assert [rate(value) for value in (0.001, 0.000123456, 1, 20, 1e-7)] == ["0.001", "0.0001235", "1", "20", "1·10⁻⁷"]


def test_how_far_a_training_is():
    said = (
        "Training: step 1,234 of 2,000 · epoch 13 of 20 · loss 0.123 · training accuracy 97.3 % · learning rate 0.001"
    )
    assert standing(TOLD, [(0.1234, 0.973)]) == said
    paused = standing({**TOLD, "state": "paused", "lr": 0}, [(0.1234, math.nan)])
    assert paused == "Paused: step 1,234 of 2,000 · epoch 13 of 20 · this step’s loss 0.500"
    assert standing({**TOLD, "step": 0, "lr": 0}, []) == "Training: step 0 of 2,000 · epoch 1 of 20"


def test_a_moment_is_named_with_what_was_measured_there():
    assert at_moment(0, 100, (math.nan, math.nan)) == "after step 0, before the first"
    assert at_moment(1234, 100, (0.5, 0.973)) == "after step 1,234, epoch 13 · loss 0.500 · training accuracy 97.3 %"
    assert at_moment(100, 100, (0.5, math.nan)) == "after step 100, epoch 1 · loss 0.500"


def test_what_else_is_to_be_known_of_a_training():
    assert beside(TOLD) == ""
    told = {**TOLD, "state": "interrupted", "rates": [[4, 0.5]], "ending": "out of memory", "moments": []}
    by_hand, ended, lost = beside(told).split("; ")
    assert by_hand == "learning rate × 0.5 by hand from step 5 on"
    assert ended == "ended by an error: out of memory"
    assert lost.startswith("no moments were kept to go back to")


def test_what_an_epoch_measured():
    assert row_of((3, 0.25, 0.5, math.nan, 1, 1e-3)) == ["3", "0.250", "50.0 %", "–", "100 %", "0.001"]
    assert row_of((3, math.inf, 0, math.nan, 1, 1e-3))[1:3] == ["∞", "0 %"]
    assert of_epoch([]) == ""
    assert of_epoch([{"epoch": 3, "loss": 0.25}]) == "epoch 3 done: loss 0.250"
    assert of_epoch([{"epoch": 3, "loss": 0.25, "accuracy": 0.5}]).endswith(", accuracy 50.0 %")


@pytest.mark.parametrize(
    ("since", "known", "live", "words"),
    [
        (None, True, True, "At the last moment it has not taken it for a 7, which is right."),
        (0, False, False, "From the beginning it has taken it for a 7, as at the end."),
        (0, False, True, "From the beginning it has taken it for a 7, as now."),
        (1500, True, False, "▼ Since step 1,500 (epoch 15) it has taken it for a 7, which is right."),
    ],
)
def test_since_when_an_image_is_seen(since, known, live, words):
    assert since_when({"since": since, "known": known, "live": live}, np.array([0, 1500]), "7", 100) == words


def test_how_sure_a_network_was():
    assert how_sure(np.array([0.1, 0.5, 0.93]), "7") == "How sure it was of 7: 10 % at first, 93 % at last."
    assert by_step("7", np.array([0.1, 0.5, 0.93])) == "probability of 7 by step: 10 % at first, 93 % after 2"


def test_how_right_a_network_is():
    told = (
        "97.50 % right before, 90.00 % now. 6 images are taken otherwise, most often for 3 instead of 7 (2): 4 "
        "broken, 1 mended, 1 wrong in another way."
    )
    assert how_right(JUDGED) == told
    same = {**JUDGED, "now": 0.975, "flipped": 0}
    assert how_right(same) == "97.50 % right, as before"
    assert how_right({**same, "edited": False}) == "97.50 % right", "however often a training has renewed it"
    moment = {**JUDGED, "step": 1200, "than": "at the end"}
    after = "90.00 % right after step 1,200; 97.50 % at the end."
    assert how_right(moment) == f"{after} 6 images are taken otherwise than at the end."
    assert how_right({**moment, "flipped": 0}) == after
    assert how_right({**JUDGED, "now": None, "problem": "no data"}) == "Nothing can be said: no data"
    assert at_first(0.975, 10000, held_out=True) == " It is right on 97.50 % of 10,000 images that it has not seen."
    assert at_first(0.975, 10000, held_out=False) == " It is right on 97.50 % of 10,000 images."
    first = at_first(0.975, 1000, 60000, held_out=False)
    assert first == " It is right on 97.50 % of the first 1,000 of 60,000 images."
    assert at_first(None, 10000, held_out=True) == ""
    as_trained = " As trained, it is right on 97.50 % of 10,000 images; "
    assert at_first(0.975, 10000, held_out=False, edited=True) == f"{as_trained}measuring it as edited …"
    assert at_first(0.975, 10000, held_out=False, edited=True, now=0.5) == f"{as_trained}as edited, on 50.00 %."


def test_what_a_sample_is_and_what_it_is_taken_for():
    said = [what_it_is(name)["words"] for name in ("7", "8", "airplane")]
    assert said == ["It is a 7", "It is an 8", "It is an airplane"]
    names = {"label": "7", "predicted": "7", "was": "9"}
    assert taken_otherwise(4, names)["name"] == "sample 4, a 7: was taken for 9, now for 7: mended: was 9"
    wrong = {**names, "predicted": "1"}
    assert taken_otherwise(4, wrong)["words"] == "was wrong: 9"
    assert taken_otherwise(4, {**wrong, "was": "7"})["words"] == "broken"
    at_a_moment = taken_otherwise(4, {**wrong, "was": "7"}, "at the end")
    assert at_a_moment["name"] == "sample 4, a 7: taken for 1, at the end for 7"
    assert at_a_moment["words"] == "at the end: 7"


def test_what_the_agreement_of_pictures_is_worth():
    worth = [came_of_forgetting(agreement, None)["worth"] for agreement in (-1, 0.2, 0.5, None)]
    assert worth[0] == "it comes of what was learnt"
    assert worth[1] == "partly the image itself"
    assert worth[2] == "largely the image itself: be suspicious"
    assert worth[3].startswith("Nothing to compare")
    assert came_of_forgetting(0.1, -0.25)["compared"].endswith("by −0.25.")


def test_classes_are_called_what_the_data_call_them_where_their_number_fits():
    network, named = p.models.lenet(), p.models.lenet()
    names = tuple(f"class {letter}" for letter in "abcdefghij")
    assert describe(network, names)["classes"] == names
    assert describe(network, names[:9])["classes"] == tuple("0123456789")
    named.class_names = tuple("abcdefghij")
    assert describe(named, names)["classes"] == tuple("abcdefghij")
    data = p.Dataset(np.zeros((10, 28, 28), np.uint8), np.arange(10), names)
    assert Bench(network, "named", data).description["classes"] == names


def test_a_layers_line_of_the_summary():
    lines = {layer["path"]: layer["line"] for layer in describe(p.models.resnet20())["layers"]}
    assert lines["input"] == "3×32×32"
    assert any("reads " in said and " and " in said for said in lines.values()), "what a block adds up"
    first = describe(p.models.lenet())["layers"][1]
    assert first["line"].endswith(f" · {first['parameters']:,} parameters · {first['multiply_adds']:,} multiply-adds")
