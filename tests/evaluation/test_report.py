"""``report.html``: self-contained, escaped, and complete as far as the run is."""

import html.parser
import json

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.evaluation import write_report

HOSTILE = '</title><script>alert("1")</script><img src=x onerror=alert(2)>&amp;\'"'

SCORES = {"velocity_mae_m_s": 123.4, "velocity_rmse_m_s": 2.0, "velocity_ssim": 0.5}


class Page(html.parser.HTMLParser):
    """Tags with their attributes, and the text of a page."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(path.read_text())
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def run_folder(folder, config, metrics=None, history="", robustness=None, figures=()):
    (folder / "figures").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    if metrics is not None:
        (folder / "metrics.json").write_text(json.dumps(metrics))
    if history:
        (folder / "history.csv").write_text(history)
    if robustness is not None:
        (folder / "robustness.json").write_text(json.dumps(robustness))
    for name in figures:
        (folder / "figures" / f"{name}.png").write_bytes(b"\x89PNG of " + name.encode())
    return folder


def test_hostile_names_are_only_text(tmp_path):
    folder = run_folder(
        tmp_path / "<b>run",
        {"command": HOSTILE, "arguments": {"family": HOSTILE, HOSTILE: [HOSTILE]},
         "versions": {HOSTILE: HOSTILE}, "resources": {"processor": HOSTILE}, "started": HOSTILE},
        {HOSTILE: HOSTILE, "velocity_mae_m_s": HOSTILE, "methods": [{HOSTILE: 1}]},
        "epoch,loss,val_loss\n1,0.5,0.4\n",
        {"rows": [{"kind": HOSTILE, "level": 1.0, "unit": HOSTILE, **SCORES},
                  {"kind": "noise", "level": None, "unit": "dB", **SCORES}],
         "left_out": {HOSTILE: HOSTILE}},
        ["loss", "robustness", "<svg onload=alert(3)>"],
    )  # fmt: skip
    page = Page(write_report(folder, repeat=HOSTILE))
    tags = [tag for tag, _ in page.tags]
    assert not {"script", "svg", "b", "i", "iframe", "link", "a", "base"} & set(tags)
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        assert tag != "img" or attributes["src"].startswith("data:image/png;base64,")
    assert page.text.count(HOSTILE) >= 12
    assert "123.4" in page.text
    policy = [a["content"] for _, a in page.tags if "http-equiv" in a]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_it_holds_what_the_run_has(tmp_path):
    metrics = {"velocity_mae_m_s": 111.8065, "velocity_ssim": 0.7967, "anything": [1, 2]}
    history = "epoch,loss,val_loss\n1,0.5,0.4\n2,0.3,0.2\n3,0.2,0.25\n"
    config = {"command": "train inversionnet", "arguments": {"family": "flatvel_a"}}
    folder = run_folder(
        tmp_path / "run", config, metrics, history, figures=["velocity", "errors", "cases", "loss"]
    )
    page = Page(write_report(folder, repeat="repeat it by this"))
    for text in ("112 m/s", "0.797", "3 epochs", "epoch 2.", "111.8", "[1, 2]", "flatvel_a",
                 "repeat it by this"):  # fmt: skip
        assert text in page.text, text
    places = [page.text.index(h) for h in ("Training", "Best and worst", "Errors", "Predictions")]
    assert places == sorted(places)
    images = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert len(images) == len(set(images)) == 4
    assert "Robustness" not in page.text
    # An evaluation shows the training of its model.
    other = run_folder(tmp_path / "scores", {"command": "evaluate"}, {"velocity_ssim": 0.5})
    assert "The model's training" in Page(write_report(other, training=folder)).text
    assert "The model's training" not in Page(write_report(other, training=tmp_path)).text


def test_damaged_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        write_report(tmp_path)
    folder = run_folder(tmp_path / "run", {"command": "x"})
    (folder / "metrics.json").write_text("[1")
    with pytest.raises(ValueError, match=r"metrics\.json: expected the JSON of a run"):
        write_report(folder)
    other = run_folder(tmp_path / "other", {"command": "x"}, robustness=[], figures=["robustness"])
    for content in ("[]", '{"rows": [{}], "left_out": {}}'):
        (other / "robustness.json").write_text(content)
        with pytest.raises(ValueError, match=r"robustness\.json: expected"):
            write_report(other)


def test_figures_of_cases_and_errors():
    true = np.full((7, 4, 5), 2000.0)
    predicted = true + 10 * np.array([3, 1, 0, 6, 2, 5, 4])[:, None, None]
    figure = ks.visualization.plot_cases(true, predicted, count=2)
    labels = [axes.get_ylabel().partition("\n")[0] for axes in figure.axes[:12:3]]
    assert labels == ["best (no. 2)", "best (no. 1)", "worst (no. 5)", "worst (no. 3)"]
    one = ks.visualization.plot_cases(true[:1], predicted[:1])
    assert one.axes[0].get_ylabel().startswith("best (no. 0)")
    models, cells = ks.visualization.plot_errors(true, predicted).axes
    assert sum(bar.get_height() for bar in models.patches) == 7
    assert sum(bar.get_height() for bar in cells.patches) >= 0.99 * true.size
