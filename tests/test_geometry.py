"""Integers of windows: by hand, against walking loops, and the words of every refusal."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import naive
from oracles.windows import modest, windows_on_images
from pellucid.errors import ArgumentError
from pellucid.geometry import ReceptiveField, Window, output_size, regions, same_padding, sides


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"input_size": 144, "kernel_size": 3}, 142),
        ({"input_size": 60, "kernel_size": 3}, 58),
        ({"input_size": 20, "kernel_size": 3, "stride": 2}, 9),  # floor of 9.5
        ({"input_size": 28, "kernel_size": 3, "stride": 1, "padding": 1}, 28),
        ({"input_size": 224, "kernel_size": 11, "stride": 4, "padding": 2}, 55),  # AlexNet's first layer
        ({"input_size": 7, "kernel_size": 3, "dilation": 3}, 1),
        ({"input_size": 5, "kernel_size": 2, "padding": (0, 3)}, 7),
        ({"input_size": 3, "kernel_size": 5}, -1),
    ],
)
def test_output_size(arguments, expected):
    assert output_size(**arguments) == expected


def test_output_size_positional():
    assert output_size(28, 3, 1, 1) == 28


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((28, 0), "kernel_size: expected a whole number of at least 1, received 0"),
        ((28, 3, 0), "stride: expected a whole number of at least 1, received 0"),
        ((28, 3, 1, -1), "padding: expected a whole number of at least 0, received -1"),
        ((28, 3, 1, 0, 0), "dilation: expected a whole number of at least 1, received 0"),
        ((28, 2.5), "kernel_size: expected a whole number of at least 1, received 2.5"),
        ((28, True), "kernel_size: expected a whole number of at least 1, received True"),
        ((28, 3, None), "stride: expected a whole number of at least 1, received None"),
        ((-1, 3), "input_size: expected a whole number of at least 0, received -1"),
    ],
)
def test_output_size_refuses(arguments, message):
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
        output_size(*arguments)


@given(st.integers(1, 30), st.integers(1, 7), st.integers(1, 4), st.integers(1, 3))
@modest
def test_same_padding_is_the_least_that_gives_ceil_of_size_by_stride(size, kernel_size, stride, dilation):
    before, after = same_padding(size, kernel_size, stride, dilation)
    wanted = -(-size // stride)
    assert output_size(size, kernel_size, stride, (before, after), dilation) == wanted
    assert before <= after <= before + 1
    if before + after:
        assert output_size(size, kernel_size, stride, (0, before + after - 1), dilation) < wanted


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        (0, ((0, 0), (0, 0))),
        (2, ((2, 2), (2, 2))),
        ((1, 2), ((1, 1), (2, 2))),
        ([1, 2], ((1, 1), (2, 2))),
        (((1, 2), (3, 4)), ((1, 2), (3, 4))),
        ([[1, 2], [3, 4]], ((1, 2), (3, 4))),
        ("same", "same"),
    ],
)
def test_sides(padding, expected):
    assert sides(padding) == expected


@pytest.mark.parametrize("padding", ["valid", (1, 2, 3, 4), ((1, 1), (1, 1), (1, 1)), ()])
def test_sides_refuses(padding):
    forms = 'expected a number, (vertical, horizontal), ((top, bottom), (left, right)) or "same"'
    with pytest.raises(ArgumentError, match=f"^{re.escape(f'padding: {forms}, received {padding!r}')}$"):
        sides(padding)


def test_pair_refuses_three():
    message = "stride: expected one number or two (vertical, horizontal), received (1, 2, 3)"
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
        Window.of(3, stride=(1, 2, 3))


def test_same_needs_its_input_first():
    window = Window.of(3, padding="same")
    message = 'padding "same" depends on the size of the input: call Window.on(size) first'
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
        _ = window.sides
    assert window.on((5, 6)).sides == ((1, 1), (1, 1))


# ---- ceil mode, by hand
@pytest.mark.parametrize(
    ("size", "arguments", "floor", "ceil"),
    [
        (6, {"kernel_size": 3, "stride": 2}, 2, 3),  # the third hangs over by one pixel
        (7, {"kernel_size": 3, "stride": 2}, 3, 3),  # nothing hangs over
        (5, {"kernel_size": 2, "stride": 2, "padding": 1}, 3, 3),  # a fourth would begin in the padding after
        (2, {"kernel_size": 3, "stride": 2}, 0, 1),  # larger than its input
        (1, {"kernel_size": 4, "stride": 2}, -1, 0),  # more than a stride larger: no place
    ],
)
def test_ceil_mode(size, arguments, floor, ceil):
    assert Window.of(**arguments).output_size((size, size)) == (floor, floor)
    assert Window.of(**arguments, ceil_mode=True).output_size((size, size)) == (ceil, ceil)


def test_what_ceil_mode_hangs_over_is_padded():
    assert Window.of(3, 2, ceil_mode=True).padded((6, 7)) == ((0, 1), (0, 0))
    assert Window.of(3, 2).padded((6, 7)) == ((0, 0), (0, 0))


# ---- against walking
@given(windows_on_images(pooling=True) | windows_on_images())
@modest
def test_places_and_reads_as_walked(case):
    window, size = case
    assert window.output_size(size) == naive.places(window, size)
    for axis in (0, 1):
        walked = [
            [
                i
                for i in (start + k * window.dilation[axis] for k in range(window.kernel_size[axis]))
                if 0 <= i < size[axis]
            ]
            for start in naive.starts(window, axis, size[axis])
        ]
        assert window.taps(axis, size[axis]) == walked
        assert window.unread(axis, size[axis]) == sorted(set(range(size[axis])) - {i for read in walked for i in read})


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 7), st.integers(1, 9), st.booleans(), st.data())
@modest
def test_the_first_place_that_sees_only_padding_as_walked(kernel, stride, dilation, size, ceil_mode, data):
    before, after = (data.draw(st.integers(0, dilation * (kernel - 1))) for _ in range(2))
    window = Window.of(kernel, stride, ((before, after), (before, after)), dilation, ceil_mode)
    walked = [place for place, read in enumerate(window.taps(0, size)) if not read]
    assert window.blind(0, size) == (walked[0] if walked else None)


@pytest.mark.parametrize("name", ["kernel_size", "stride", "padding", "dilation"])
def test_absurd_windows_are_refused(name):
    arguments = {"kernel_size": 3, name: 10**9}
    with pytest.raises(ArgumentError) as caught:
        Window.of(**arguments)
    assert str(caught.value) == f"{name}: expected at most 65,536, received 1,000,000,000"


def test_rows_that_a_stride_leaves_unread():
    window = Window.of(3, stride=2)
    assert window.output_size((20, 20)) == (9, 9)
    assert window.unread(0, 20) == [19]  # the last row; the last column likewise
    assert window.unread(1, 20) == [19]
    assert Window.of(1, stride=2).unread(0, 5) == [1, 3]
    assert Window.of(3).unread(0, 20) == []


def test_spans_by_hand():
    # 5 pixels, 1 of padding on both sides, 3 taps, stride 2: places begin at -1, 1, 3
    spans = Window.of(3, stride=2, padding=1).spans(0, 5)
    assert spans == [
        (slice(1, 3), slice(1, 4, 2)),  # the first tap is outside at place 0, then reads 1 and 3
        (slice(0, 3), slice(0, 5, 2)),
        (slice(0, 2), slice(1, 4, 2)),  # the last one is outside at place 2
    ]


def test_spans_of_a_tap_that_meets_only_padding():
    assert Window.of(2, padding=((0, 0), (3, 0))).spans(1, 1)[1] == (slice(2, 3), slice(0, 1, 1))
    assert Window.of(2, padding=((0, 0), (3, 0)), stride=2).spans(1, 1)[0] == (slice(0, 0), slice(0, 0))


# ---- formulas
@pytest.mark.parametrize(
    ("arguments", "size", "axis", "formula"),
    [
        ({"kernel_size": 3}, (144, 144), 0, "(144 + 2·0 − 3)//1 + 1 = 142"),
        ({"kernel_size": 3, "stride": 2}, (20, 20), 0, "(20 + 2·0 − 3)//2 + 1 = 9"),
        ({"kernel_size": (3, 5), "padding": (1, 2)}, (28, 30), 1, "(30 + 2·2 − 5)//1 + 1 = 30"),
        ({"kernel_size": 2, "padding": ((0, 1), (0, 0))}, (7, 7), 0, "(7 + 0 + 1 − 2)//1 + 1 = 7"),
        ({"kernel_size": 2, "padding": "same"}, (7, 7), 0, "(7 + 0 + 1 − 2)//1 + 1 = 7"),
        ({"kernel_size": 3, "dilation": 2}, (9, 9), 0, "(9 + 2·0 − (2·(3 − 1) + 1))//1 + 1 = 5"),
        ({"kernel_size": 5}, (3, 3), 0, "(3 + 2·0 − 5)//1 + 1 = −1"),
        ({"kernel_size": 3, "stride": 2, "ceil_mode": True}, (6, 6), 0, "⌈(6 + 2·0 − 3)/2⌉ + 1 = 3"),
        ({"kernel_size": 2, "stride": 2, "padding": 1, "ceil_mode": True}, (5, 5), 0, "⌈(5 + 2·1 − 2)/2⌉ + 1 − 1 = 3"),
    ],
)
def test_formula(arguments, size, axis, formula):
    assert Window.of(**arguments).formula(size, axis) == formula


@given(windows_on_images(pooling=True, dilated=False))
@modest
def test_the_numbers_of_a_formula_give_its_result(case):
    window, size = case
    for axis in (0, 1):
        formula = window.formula(size, axis)
        terms, result = formula.split(" = ")
        pixels, first, second, span, stride, *ones = map(int, re.findall(r"\d+", terms))
        padded = pixels + (first * second if "·" in terms else first + second)
        quotient = -(-(padded - span) // stride) if "⌈" in terms else (padded - span) // stride
        assert quotient + (0 if len(ones) == 2 else 1) == int(result), formula


# ---- receptive fields
def field_by_walking(windows, size, place):
    """First and last input index that influence one place of the last window's output, padding included."""
    reach = {place}
    for window in reversed(windows):
        before = window.sides[0][0]
        reach = {
            p * window.stride[0] - before + k * window.dilation[0] for p in reach for k in range(window.kernel_size[0])
        }
    return min(reach), max(reach)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 3)), max_size=4))
@modest
def test_receptive_field_as_walked(layers):
    windows = [Window.of(*arguments) for arguments in layers]
    field = ReceptiveField()
    for window in windows:
        field = field.through(window)
    for place in (0, 1, 5):
        first = field.offset[0] + place * field.stride[0]
        assert (first, first + field.size[0] - 1) == field_by_walking(windows, 99, place)


def test_receptive_field_of_lenet():
    field = ReceptiveField()
    for window in (Window.of(5), Window.of(2, 2), Window.of(5), Window.of(2, 2)):
        field = field.through(window)
    assert field == ReceptiveField(size=(16, 16), stride=(4, 4), offset=(0, 0))


def test_receptive_field_by_axis():
    field = (
        ReceptiveField().through(Window.of((1, 3), stride=(2, 1), padding=((0, 0), (1, 0)))).through(Window.of((3, 1)))
    )
    assert field == ReceptiveField(size=(5, 3), stride=(2, 1), offset=(0, -1))


def test_union_covers_both_paths():
    three, five = (
        ReceptiveField().through(Window.of(3, padding=1)),
        ReceptiveField().through(Window.of((5, 1), padding=(2, 0))),
    )
    assert three.union(five) == five.union(three) == ReceptiveField(size=(5, 3), stride=(1, 1), offset=(-2, -1))


def test_regions_by_hand():
    def ends(size, number):
        return [(region.start, region.stop) for region in regions(size, number)]

    assert ends(6, 3) == [(0, 2), (2, 4), (4, 6)]
    assert ends(7, 3) == [(0, 3), (2, 5), (4, 7)]
    assert ends(2, 4) == [(0, 1), (0, 1), (1, 2), (1, 2)]


@given(st.integers(1, 60), st.integers(1, 60))
def test_regions_cover_an_axis_with_a_pixel_in_each(size, number):
    found = regions(size, number)
    assert len(found) == number
    assert {pixel for region in found for pixel in range(size)[region]} == set(range(size))
    assert all(region.stop > region.start for region in found)
