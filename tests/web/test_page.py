"""The page in a real browser, headless: a picture goes in, an answer comes out."""

import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason='pip install -e ".[web]"')
webdriver = pytest.importorskip("selenium.webdriver", reason="pip install selenium")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

from paddle_eye.inference.export import export  # noqa: E402
from paddle_eye.models.registry import build, create_model  # noqa: E402
from paddle_eye.runs.predict import open_predictor  # noqa: E402
from paddle_eye.weights.format import write_weights  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The page's address, and the folder it was started in, which holds networks that nobody trained.

    They are a U-Net, a classifier that was exported, and what is left of an export that was damaged.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = tmp_path_factory.mktemp("server")
    model = build({"name": "unet", "in_channels": 1})
    described = {"architecture": model.architecture, "classes": ["membrane", "cell interior"]}
    figures = {"dice": 0.9, "images": 6, "epoch_chosen_on": "validation images"}
    data = {"name": "membrane", "training_images": 24}
    path = place / "output/unet_membrane/unet_membrane.pdparams"
    write_weights(path, model, {**described, "data": data, "figures": figures, "epoch": 7})
    classifier = create_model("shufflenet_v2_x0_25", num_classes=3)
    preprocessing = {"preset": "document", "channels": "BGR", "range": [-1, 1], "image_size": 32}
    three = {"architecture": classifier.architecture, "classes": ["normal", "cataract", "glaucoma"]}
    path = place / "output/three/three.pdparams"
    figures = {"accuracy": 0.9, "images": 64, "epoch_chosen_on": None}
    write_weights(path, classifier, {**three, "preprocessing": preprocessing, "figures": figures, "epoch": 3})
    export(open_predictor(path), place / "output/three/exported-paddle", "paddle")
    (place / "output/damaged").mkdir()
    shutil.copy(place / "output/three/exported-paddle/description.json", place / "output/damaged")
    command = [sys.executable, str(ROOT / "tools/serve.py"), "--port", str(port), "--name", "eyes.example"]
    with open(place.parent / "server.log", "w") as log:
        process = subprocess.Popen(command, cwd=place, stdout=log, stderr=log)
        address = f"http://127.0.0.1:{port}"
        end = time.monotonic() + SECONDS
        while process.poll() is None and time.monotonic() < end:
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=5)
                break
            except OSError:
                time.sleep(0.5)
        yield address, place
        process.terminate()
        assert process.wait(20) in (0, -signal.SIGTERM)  # Streamlit's own answer until somebody looks at the page
    assert "FatalError" not in (place.parent / "server.log").read_text()


@pytest.fixture(scope="module")
def browser(skip):
    driver = shutil.which("chromedriver")
    if driver is None:
        skip("no chromedriver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--window-size=1300,1100",
        "--host-resolver-rules=MAP *.example 127.0.0.1",
    ):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()


def shown(browser):
    return browser.find_element(By.TAG_NAME, "body").text


def wait_for(browser, *words):
    WebDriverWait(browser, SECONDS).until(
        lambda browser: all(word in shown(browser) for word in words), f"expected {words}"
    )


def choose(browser, words):
    for label in browser.find_elements(By.TAG_NAME, "label"):
        if label.text == words:
            label.click()
            return
    raise AssertionError(f"nothing to choose is called {words}")


@pytest.fixture
def page(server, browser):
    """The page, opened anew, with the notices and figures it always shows."""
    browser.get(server[0])
    wait_for(
        browser, "not a medical device", "shufflenet_v2_x0_5", "Trained on 400 images of PALM", "Drop pictures here"
    )
    return browser


def add_network(page, name):
    entry = page.find_element(By.CSS_SELECTOR, "[data-testid=stMultiSelect] input")
    entry.send_keys(name)
    WebDriverWait(page, SECONDS).until(lambda page: page.find_elements(By.CSS_SELECTOR, "[role=option]"))
    entry.send_keys(Keys.ENTER)


def upload(page, *paths):
    page.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys("\n".join(map(str, paths)))


def test_an_uploaded_picture_is_answered(page, server, write_picture, tmp_path):
    upload(page, write_picture(tmp_path / "left.png", 1), write_picture(tmp_path / "right.png", 0))
    wait_for(page, "left.png, as the network sees it", "right.png", "Grad-CAM", "Download as CSV", "pathologic myopia:")
    assert len(page.find_elements(By.CSS_SELECTOR, "[data-testid=stImage] img")) == 4
    assert "Traceback" not in shown(page)
    assert {path.name for path in server[1].iterdir()} == {"output"}
    assert {path.name for path in (server[1] / "output").iterdir()} == {"unet_membrane", "three", "damaged"}


def test_what_is_no_picture_gets_a_sentence_beside_the_answers(page, write_picture, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    upload(page, tmp_path / "bad.png", write_picture(tmp_path / "good.png", 1))
    wait_for(page, "bad.png: this is no picture", "good.png, as the network sees it")


def test_a_folder_is_answered(page, write_picture, tmp_path):
    for name in ("one.png", "inner/two.png"):
        write_picture(tmp_path / "eyes" / name, 1)
    choose(page, "a folder of pictures")
    wait_for(page, "Drop a folder of pictures here")
    upload(page, tmp_path / "eyes")
    wait_for(page, "one.png, as the network sees it", "two.png, as the network sees it")


def test_the_example_is_answered(page):
    choose(page, "the example")
    wait_for(page, "example.jpg, as the network sees it", "CC BY 4.0", "Download for Excel")


def test_several_people_ask_at_the_same_time(page, server, write_picture, tmp_path):
    """Each tab is a session of its own; they ask about different pictures and about the same one."""
    first = page.current_window_handle
    handles = [first]
    for _ in range(2):
        page.switch_to.new_window("tab")
        page.get(server[0])
        handles.append(page.current_window_handle)
    try:
        for handle in handles:
            page.switch_to.window(handle)
            wait_for(page, "Drop pictures here")
        paths = [write_picture(tmp_path / f"eye{number}.png", number % 2) for number in range(len(handles))]
        for handle, path in zip(handles, paths):
            page.switch_to.window(handle)
            upload(page, *dict.fromkeys((path, paths[0])))
        for handle, path in zip(handles, paths):
            page.switch_to.window(handle)
            wait_for(page, f"{path.name}, as the network sees it", "eye0.png, as the network sees it")
            assert "Traceback" not in shown(page) and "rror" not in shown(page)
    finally:
        for handle in handles[1:]:
            page.switch_to.window(handle)
            page.close()
        page.switch_to.window(first)


def test_a_run_on_masks_shows_the_mask_over_the_picture(page, write_picture, tmp_path):
    page.find_element(By.CSS_SELECTOR, "[data-testid=stMultiSelect] input").send_keys(Keys.BACKSPACE)
    WebDriverWait(page, SECONDS).until(lambda page: "Drop pictures here" not in shown(page))
    add_network(page, "unet_membrane")
    wait_for(page, "U-Net", "Dice of cell interior 0.9000 on 6 validation images", "Trained on 24 images of membrane")
    upload(page, write_picture(tmp_path / "slice.png", size=(50, 70)))
    wait_for(page, "slice.png", "of the picture", "Download the mask", "Download as CSV")
    assert "Traceback" not in shown(page)
    assert len(page.find_elements(By.CSS_SELECTOR, "[data-testid=stImage] img")) == 2


def test_another_s_name_for_this_machine_is_refused_and_one_of_its_own_is_not(server, browser):
    browser.get(server[0].replace("127.0.0.1", "evil.example"))
    wait_for(browser, "evil.example", "is no name of this machine", "--name")
    assert "Drop pictures here" not in shown(browser)
    browser.get(server[0].replace("127.0.0.1", "eyes.example"))
    wait_for(browser, "Drop pictures here")


def test_only_this_machine_can_reach_it(server):
    """Linux: the address that the server listens on."""
    port = int(server[0].rpartition(":")[2])
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if " 0A " in line]
    assert f"0100007F:{port:04X}" in listening
    assert f"00000000:{port:04X}" not in listening


def test_networks_answer_side_by_side_and_one_that_is_damaged_says_so(page, write_picture, tmp_path):
    for name in ("three/exported-paddle", "damaged", "unet_membrane"):
        add_network(page, name)
        wait_for(page, "output/damaged: expected" if name == "damaged" else f"{name}\nClasses: ")
    upload(page, write_picture(tmp_path / "left.png", 1))
    wait_for(page, "pathologic myopia:", "glaucoma:", "cell interior: ", "Download the mask", "Download as CSV")
    wait_for(page, "shufflenet_v2_x0_25. Accuracy 0.9000", "shufflenet_v2_x0_5. Accuracy 0.9775", "U-Net. Dice of")
    headings = page.find_elements(By.CSS_SELECTOR, "[data-testid=stMain] h4")
    names = ["the one that comes with the project", "three/exported-paddle", "unet_membrane"]
    assert [heading.text for heading in headings] == names
    places = [heading.location for heading in headings]
    assert len({place["y"] for place in places}) == 1
    assert places[0]["x"] < places[1]["x"] < places[2]["x"]
    assert "Traceback" not in shown(page)
