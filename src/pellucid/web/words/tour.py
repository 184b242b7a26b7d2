"""What the guided tour says of a network, step by step. How it is shown, and what is done in it, the page knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ACTIVATIONS = frozenset(
    (
        "ReLU", "LeakyReLU", "PReLU", "Clip", "ReLU6", "HardSwish", "HardSigmoid", "ELU", "SiLU", "GELU", "Tanh",
        "Sigmoid", "Softplus",
    )
)  # fmt: skip
CHAIN = 7
"""Layers that are told of at the beginning, at most."""

Told = Mapping[str, Any]
Step = dict[str, Any]


def tour(network: Told, images: int, trained: bool) -> list[Step]:
    """Return the steps for a network; those that it has nothing to show for are left out.

    Parameters
    ----------
    network : mapping
        As `describe` has it.
    images : int
        How many images of data there are; 0 if there are none.
    trained : bool
        Whether something is known of its training.

    Returns
    -------
    list of dict
        Of each its ``name``, ``title``, ``words`` (paragraphs), and ``task`` and ``then``, what is asked for and what
        is said when it is done; perhaps ``layer``, the path of that which it is about, and ``value``, to be chosen.
    """
    layers = network["layers"]
    conv = _first(layers, _is_convolution)
    steps = [_start(network, images), _nine(conv or layers[0])]
    if conv:
        steps += [_same_here(conv), _padding(conv), _stride(_first(layers, _strided) or conv)]
    if pool := _first(layers, lambda layer: "Pool" in layer["kind"] and _maps(layer)):
        steps.append(_pooling(pool))
    if conv:
        steps.append(_three(conv))
    seeing = [layer for layer in layers[1:] if layer["field"] and _maps(layer) and layer["shape"][1] > 1]
    if conv and seeing:
        steps.append(_field(seeing[-1]))
    if active := _first(layers, lambda layer: layer["kind"] in ACTIVATIONS):
        steps.append(_activation(active))
    last, classes = layers[-1], len(network["classes"])
    if classes > 1 and tuple(last["shape"]) == (classes,):
        steps += [_softmax(last), *([_mistakes(images)] if images else []), _back(last), *([_why()] if conv else [])]
    else:
        steps.append(_back(last))
    return [*steps, _training(network["parameters"], trained), _silence(), _end(_drawable(network))]


def _first(layers: list[Told], fits: Any) -> Told | None:
    return next(filter(fits, layers), None)


def _maps(layer: Told) -> bool:
    return len(layer["shape"]) == 3


def _is_convolution(layer: Told) -> bool:
    return layer["kind"] == "Conv2d" and _maps(layer) and "weight" in layer["weights"]


def _strided(layer: Told) -> bool:
    return _is_convolution(layer) and max(layer["window"]["stride"]) > 1


def _places(layer: Told) -> str:
    """Return how many rows become how many, and columns, where they are not as many."""
    pairs = [f"{before:,} {name} become {after:,}" for name, before, after in
             zip(("rows", "columns"), layer["window"]["before"], layer["shape"][1:], strict=True)]  # fmt: skip
    alike = layer["window"]["before"][0] == layer["window"]["before"][1] and layer["shape"][1] == layer["shape"][2]
    return pairs[0] + (", and as many columns" if alike else f", and {pairs[1]}")


def _drawable(network: Told) -> bool:
    shape = tuple(network["input_shape"])
    return len(shape) == 3 and shape[0] == 1 and shape[1] == shape[2]


def _click(layer: Told, more: str = "") -> dict[str, str]:
    """Return how one comes to a sum, with a keyboard and on a touch screen."""
    with_keys = f"Click a number of {layer['path']}, or go to it with Tab and the arrows, and press Enter."
    return {"task": f"{with_keys} {more}".strip(), "touch": f"Tap a number of {layer['path']}. {more}".strip()}


def _step(name: str, title: str, words: list[str], task: str = "", then: str = "", **more: Any) -> Step:
    return {"name": name, "title": title, "words": [each for each in words if each], "task": task, "then": then, **more}


def _start(network: Told, images: int) -> Step:
    layers, pictures = network["layers"], len(network["input_shape"]) == 3
    told = [layers[0], *(layer for layer in layers[1:] if layer["parameters"] or "Pool" in layer["kind"])]
    chain = [f"{layer['path']} {'×'.join(map(str, layer['shape']))}" for layer in told]
    if len(chain) > CHAIN:
        chain[CHAIN - 3 : -2] = ["…"]
    classes = len(network["classes"])
    ends = f"{classes:,} scores" if classes > 1 else "×".join(map(str, layers[-1]["shape"]))
    task = "Take another sample: all layers follow." if images else ""
    if _drawable(network):
        task = "Draw a digit in the black square: all layers follow the pen."
    find = "The first filters find strokes and edges, the next what strokes make together; " if pictures else ""
    scores = "the last layer gives every class a score, and the highest wins." if classes > 1 else "so on to the last."
    both = find + scores
    return _step(
        "start", f"From {'an image' if pictures else 'numbers'} to {ends}",
        [
            "A network is a row of layers, each of which makes numbers of those before it. "
            f"{both[0].upper()}{both[1:]}",
            " → ".join(chain),
            "All on this page are such numbers: the colour says how large one is, and a click what it is made of.",
        ],
        task, "Every map and the prediction are of this image now.",
    )  # fmt: skip


def _nine(layer: Told) -> Step:
    return _step(
        "nine", "Nine products, one sum",
        [
            "A filter is a small grid of weights. Lay it over a place of the image, multiply each weight with the "
            "pixel below it, and add up. A 3×3 filter has four places on 4×4 pixels:"
        ],
        "Choose another place, or the other filter.", "Each place of the filter makes one number of a map.",
        layer=layer["path"],
    )  # fmt: skip


def _same_here(conv: Told) -> Step:
    ends = "products, and the bias at the end" if "bias" in conv["weights"] else "and their products"
    filters, channels, rows, columns = conv["weights"]["weight"]
    return _step(
        "convolution", "The same, in your network",
        [
            f"{conv['path']} has {filters:,} filters of {rows}×{columns}, for each of {channels:,} "
            f"{'channel' if channels == 1 else 'channels'}. Each filter goes over the whole input and makes one map: "
            "blue is above 0, orange below, white is 0."
        ],
        then=f"There it stands: patch, kernel, {ends}.", layer=conv["path"],
        **_click(conv, "The inspector shows its whole sum."),
    )  # fmt: skip


def _keeping(conv: Told) -> int:
    """Return the padding with which a convolution's maps would be as large as what it reads; 0 where it has it, or
    there is none."""
    window = conv["window"]
    wanted = {dilation * (size - 1) for size, dilation in zip(window["kernel_size"], window["dilation"], strict=True)}
    has = {sum(sides) for sides in window["padding"]}
    if len(wanted) > 1 or wanted == has or max(window["stride"]) > 1 or max(wanted) % 2:
        return 0
    return int(max(wanted) // 2)


def _padding(conv: Told) -> Step:
    zeros = sorted({*conv["window"]["padding"][0], *conv["window"]["padding"][1]})
    has = f"a padding of {' and '.join(map(str, zeros))}" if zeros != [0] else "none"
    own = f" {conv['path']} has {has}: {_places(conv)}."
    if same := _keeping(conv):
        own += f" With {same} around, its maps would be as large as what it reads."
    return _step(
        "padding", "Padding",
        [
            "A filter finds no place at the very edge, so maps shrink from layer to layer. Padding lays zeros around, "
            f"which count for nothing in the sum.{own}"
        ],
        "Choose a padding with which 4 pixels stay 4.",
        "One zero on each side replaces what a 3×3 filter takes away.", layer=conv["path"],
    )  # fmt: skip


def _stride(layer: Told) -> Step:
    step = max(layer["window"]["stride"])
    own = f"{layer['path']} goes by {step}: {_places(layer)}." if step > 1 else "In this network all go pixel by pixel."
    return _step(
        "stride", "Stride",
        [
            "A filter may also go in larger steps: with a stride of 2 it leaves out every other place, and the map has "
            f"half the rows and columns. {own}"
        ],
        "Choose a stride of 2.",
        "Half the places in each row, in half the rows: a quarter of the numbers, and of the work.",
        layer=layer["path"],
    )  # fmt: skip


def _pooling(pool: Told) -> Step:
    largest = "Max" in pool["kind"]
    keeps = (
        "only the largest number of each window: whether something was found, and no longer exactly where"
        if largest else "the mean of each window: how much was found there on the whole"
    )  # fmt: skip
    then = "The ring is around the winner; all others make no difference."
    return _step(
        "pooling", "Pooling", [f"{pool['path']} keeps {keeps}. It has nothing to learn."], **_click(pool),
        then=then if largest else "All numbers of the window count the same.", layer=pool["path"],
    )  # fmt: skip


def _three(conv: Told) -> Step:
    side = conv["weights"]["weight"][-1]
    own, rows = f" {conv['path']} has 3×3." if side == 3 else "", 3
    if side > 3 and side % 2:
        rows = (side - 1) // 2
        own = (
            f" {conv['path']} has {side}×{side}, as was usual before; {rows} of 3×3 in a row would see the same "
            f"pixels, with {9 * rows} weights a channel instead of {side * side}."
        )
    return _step(
        "three", "Why 3×3",
        [
            "Most networks since 2014 have filters of 3×3 alone. A number behind two of them depends on 5×5 pixels, "
            "behind three on 7×7, with fewer weights than one large filter, and with an activation in between." + own
        ],
        "Put more of them in a row.", "They see as much with fewer weights.", layer=conv["path"], value=min(rows, 5),
    )  # fmt: skip


def _field(layer: Told) -> Step:
    return _step(
        "field", "The receptive field",
        [
            f"How much of the image can a number know of? One of {layer['path']} depends on "
            f"{'×'.join(map(str, layer['field']['size']))} pixels at most: the frame in the image. What lies outside "
            "cannot change it."
        ],
        f"Point at several numbers of {layer['path']}, or move there with the arrows.",
        "The frame went along, and shows what the last one sees.", layer=layer["path"],
        touch=f"Tap several numbers of {layer['path']}.",
    )  # fmt: skip


def _activation(layer: Told) -> Step:
    bends = ": what is below 0 becomes 0, all else stays" if layer["kind"] == "ReLU" else ""
    return _step(
        "activation", "Activations",
        [
            "Sums of sums are only sums again; what bends them is a function of each number alone. "
            f"{layer['path']} is a {layer['kind']}{bends}."
        ],
        then="The point lies on the curve where its number is.", layer=layer["path"],
        **_click(layer, "Its curve is shown."),
    )  # fmt: skip


def _softmax(last: Told) -> Step:
    return _step(
        "softmax", "From scores to shares",
        [
            "The last layer gives each class a score. Softmax makes shares of them: e to the power of each, divided by "
            "the sum, so that they are above 0 and add up to 1.",
            f"{last['path']} is that softmax; its sum has the table." if last["kind"] == "Softmax" else "",
        ],
        "Choose a bar: its score is followed.",
        "The inspector shows how its share comes of all scores, and what its score is a sum of.",
    )  # fmt: skip


def _mistakes(images: int) -> Step:
    return _step(
        "mistakes", "Where it is wrong",
        [
            "Whether a network is any good, only images can tell that it has not learnt from. It is asked about all "
            f"{images:,} that are here; those it takes for something else say most about it, and of some of them a "
            "person would not be sure either."
        ],
        "Press “mistake ▶”: those that it was most sure of come first.",
        "Look at the bars: how sure it is, and of what.",
    )  # fmt: skip


def _back(last: Told) -> Step:
    return _step(
        "back", "Follow one number back",
        [
            "Where does a number come from? From the largest term of its sum, and that from the largest of its own, "
            "and so on, down to the ink. Each step says how much it is of all that is added and taken away; soon it is "
            "one path of very many."
        ],
        f"Pin a number of {last['path']}, such as with “From …” in the inspector; then go down the list, or press "
        "Backspace, to the image.", "That pixel is where the way ends.",
        touch=f"Tap a number of {last['path']}, or “From …” in the inspector; then go down the list to the image.",
    )  # fmt: skip


def _why() -> Step:
    return _step(
        "why", "Which pixels counted?",
        [
            "Saliency colours each pixel by how much the class’s score hangs on it: its gradient. Such pictures look "
            "convincing even where they show no more than the image itself. So try it: let the last layers forget what "
            "they learnt. A picture of what was learnt has to change then."
        ],
        "Move the slider under “Is it honest?” by one layer, and compare.",
        "The less the two pictures agree, the more the first one says.",
    )  # fmt: skip


def _training(parameters: int, trained: bool) -> Step:
    return _step(
        "training", "What training changes",
        [
            f"Only weights and biases: here {parameters:,} numbers. The loss says how wrong the network is, its "
            "gradient which way each weight makes that worse; each goes a small step the other way."
            + (" The tab “Training” shows how they became what they are." if trained else "")
            + " In the example of the tour’s filter:"
        ],
        "Choose another learning rate, and see where the weight goes.",
        "The larger the rate, the longer the step; one that is too long makes the loss worse.",
    )  # fmt: skip


def _silence() -> Step:
    return _step(
        "silence",
        "What hangs on a channel",
        ["Whether what was learnt is needed shows when it is taken away. It is a copy that is changed, and measured."],
        "Do by hand what no training would: silence a channel, and see what becomes of the prediction.",
        "So it is without that channel; on all images, once that is measured. It comes back when you go on.",
    )


def _end(pad: bool) -> Step:
    return _step(
        "end",
        "Go on by yourself",
        [
            ("Draw something of your own; look for something" if pad else "Choose other images; look for one")
            + " that fools it. “Why” also asks for the least that makes the image another class’s. “Help”, or the "
            "key ?, has all keys, and the meaning of every dotted word.",
            "What you look at stands in the address: keep it or send it, and the same network opens at the same "
            "number.",
        ],
    )
