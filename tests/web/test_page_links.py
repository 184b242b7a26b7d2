"""Links to a number: what they name is shown, and what of it is not to be had is said."""

import re
from typing import Any

import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")
pytest.importorskip("uvicorn", reason="the page needs the extra web")
pytest.importorskip("websockets", reason="the page needs the extra web")

from pellucid.web.bench import Bench
from pellucid.web.serving.server import Server

from .conftest import Shown, let_in, opened

PLACE = {
    "sample": "7",
    "layer": "conv2",
    "channel": "5",
    "cell": "3,2",
    "class": "4",
    "view": "why",
    "range": "network",
}

IN_SIGHT = """(selector) => {
  const { top } = document.querySelector(selector).getBoundingClientRect();
  return 0 <= top && top < innerHeight;
}"""


def link(**words: Any) -> str:
    return "#" + "&".join(f"{name}={word}" for name, word in words.items())


def words(page: Any) -> dict[str, str]:
    found = dict(each.split("=", 1) for each in page.url.partition("#")[2].split("&"))
    return {name: word.replace("%2C", ",") for name, word in found.items()}


@pytest.fixture
def home(shown: Shown) -> str:
    return f"http://127.0.0.1:{shown.server.port}/"


def test_a_link_brings_back_all_that_is_looked_at(context: Any, home: str, shown: Shown) -> None:
    with opened(context, home + link(**PLACE)) as page:
        page.locator("[data-path=conv2] .map.pinned").wait_for()
        assert PLACE.items() <= words(page).items()
        assert re.fullmatch("[0-9a-f]{8,}", words(page)["net"])
        assert page.locator("#tab-why").get_attribute("aria-selected") == "true"
        assert page.locator("#range").input_value() == "network"
        assert page.locator(".data input").input_value() == "7"
        page.wait_for_function(IN_SIGHT, arg="[data-path=conv2] .map.pinned")  # once the layers above have come
        again = page.url
    with opened(context, again) as page:
        assert page.locator("#notice").is_hidden()  # of this very network
        page.locator("#tab-sum").click()
        page.locator("#panel-sum .preview").wait_for()
        value = p.activations(shown.network, shown.data.images[7:8])["conv2"][0, 5, 3, 2]
        told = page.locator("#panel-sum .preview", has_text="row 3, column 2").inner_text()
        assert float(told.split(": ")[1].replace("−", "-")) == pytest.approx(float(value), rel=1e-3)


def test_another_link_put_into_the_address_is_followed(context: Any, home: str) -> None:
    with opened(context, home + link(sample=3, layer="conv1", channel=1, cell="2,2")) as page:
        page.evaluate("location.hash = 'sample=5&layer=linear1&cell=0,4&view=change'")
        page.wait_for_url(re.compile("sample=5.*layer=linear1.*channel=0.*cell=0%2C4.*view=change"))
        page.locator("#panel-change h2").first.wait_for()
        page.evaluate("location.hash = 'sample=5&layer=nowhere'")
        page.locator("#notice", has_text="a layer nowhere").wait_for()
        page.locator(".skip").first.focus()
        page.keyboard.press("Enter")  # a place on the page, which is no link to a number
        page.wait_for_timeout(200)
        assert "sample=5" in page.url or page.url.endswith("#layers")
        assert page.locator(".data input").input_value() == "5"


def test_a_link_of_another_network_says_so_until_one_has_read_it(context: Any, home: str) -> None:
    with opened(context, home + link(net="0" * 16, sample=2, layer="conv1", channel=0, cell="1,1")) as page:
        notice = page.locator("#notice")
        told = "This link was made with another network. What is shown is every-family, with its own numbers."
        assert notice.inner_text().startswith(told)
        page.locator("[data-path=conv1] .map.pinned").wait_for()
        page.get_by_role("button", name="next sample").click()
        page.wait_for_url("**/*sample=3*")
        page.locator("#copy-link").click()
        page.locator("#notice", has_text="Copied.").wait_for()
        assert notice.inner_text().startswith(told), "which nobody has read yet"
        notice.get_by_role("button").click()
        assert notice.is_hidden()
        page.locator("#copy-link").click()
        page.locator("#notice", has_text="Copied.").wait_for()
        assert told not in notice.inner_text()


def test_a_link_without_its_image_is_copied_with_these_words(browser: Any) -> None:
    network = p.Sequential([p.Conv2d(1, 2, 5), p.Flatten(), p.Linear(2 * 92 * 92, 3)], input_shape=(1, 96, 96), seed=1)
    with (
        Server(Bench(network, "large"), say=lambda line: None) as server,
        let_in(browser, server.guard.address) as window,
    ):
        address = f"http://127.0.0.1:{server.port}/"
        window.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
        with opened(window, address) as page:
            pad = page.locator("#pad").bounding_box()
            page.mouse.move(pad["x"] + 50, pad["y"] + 50)
            page.mouse.down()
            page.mouse.move(pad["x"] + 120, pad["y"] + 120, steps=3)
            page.mouse.up()
            page.locator("[data-path=conv1] .map").first.wait_for()
            page.wait_for_timeout(300)
            page.locator("#copy-link").click()
            page.locator("#notice", has_text="Copied, without the image, which is too large for a link").wait_for()


MISSING = [
    ({"layer": "conv9"}, "a layer conv9"),
    ({"layer": "conv1", "channel": 6, "cell": "0,0"}, "channel 6 of conv1"),
    ({"layer": "conv1", "channel": 1, "cell": "24,0"}, "row 24, column 0 of conv1"),
    ({"layer": "linear2", "cell": "0,10"}, "row 0, column 10 of linear2"),
    ({"class": 10}, "class 10"),
    ({"view": "learn"}, "a training"),
    ({"view": "nothing"}, "a tab “nothing”"),
    ({"sample": 40}, "sample 40"),
    ({"sample": "-1"}, "sample -1"),
    ({"sample": "1e1"}, "sample 1e1"),
    ({"sample": ""}, "sample "),
    ({"pixels": "AAAA"}, "the image, which is none of 1×28×28"),
    ({"pixels": "*"}, "the image, which is none of 1×28×28"),
    ({"layer": "conv9", "sample": 99}, "a layer conv9; sample 99"),
]


def test_what_a_link_names_and_is_not_here_is_said_and_left_out(context: Any, home: str) -> None:
    with opened(context, home) as page:
        for place, told in MISSING:
            page.evaluate(f"location.hash = '{link(**place)}'")
            said = f"The link names what there is not here: {told}."
            page.wait_for_function("(said) => document.querySelector('#notice').innerText.startsWith(said)", arg=said)
            page.wait_for_function("() => location.hash.includes('net=')")
            name = next(reversed(place))
            assert words(page).get(name) != str(place[name])
            assert page.locator("#problem").is_hidden()
        page.locator("#notice button").click()
        assert page.evaluate("document.activeElement.id") == "layers"
