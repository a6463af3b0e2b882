import base64
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vqrae_training.data.images import centre_crop, normalise, to_uint8
from vqrae_training.data.sources import read_source
from vqrae_training.evaluate.command import main
from vqrae_training.evaluate.model import evaluate_discrete, evaluate_encoder
from vqrae_training.metrics.probes import fit_logistic, linear_probe, nearest_neighbour, nearest_neighbour_accuracy
from vqrae_training.models.checkpoint import save_checkpoint
from vqrae_training.models.decoder import DecoderConfig
from vqrae_training.models.encoder import load_encoder
from vqrae_training.models.vqrae import VQRAE, CodebookConfig

GOLDEN = Path(__file__).parents[2] / "test/golden/metrics/metrics.json"


def test_nearest_neighbour_leaves_itself_out():
    features = torch.tensor([[1.0, 0, 0, 0], [0.9, 0.1, 0, 0], [0, 0, 1, 0], [0, 0, 0.9, 0.1]])
    assert nearest_neighbour(features, ["a", "a", "b", "b"]) == 1.0
    assert nearest_neighbour(features, ["a", "b", "a", "b"]) == 0.0


def test_nearest_neighbour_looks_up_val_in_train():
    train = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    val = torch.tensor([[9.0, 1, 0, 0], [0, 0.1, 0.01, 0], [0.2, 0.1, 1, 0]])
    assert nearest_neighbour_accuracy(train, ["a", "b", "c"], val, ["a", "b", "d"]) == pytest.approx(2 / 3)


def golden() -> tuple[dict, list[tuple[torch.Tensor, list[str]]]]:
    case = json.loads(GOLDEN.read_text())["features"]
    sets = []
    for part in (case["train"], case["test"]):
        rows = np.frombuffer(base64.b64decode(part["features"]), np.float32).reshape(-1, case["dim"]).copy()
        sets.append((torch.from_numpy(rows), [str(label) for label in part["labels"]]))
    return case, sets


def test_probes_agree_with_the_sdks_fixtures():
    case, ((train, train_labels), (test, test_labels)) = golden()
    assert nearest_neighbour(train, train_labels) == pytest.approx(case["leaveOneOut"])
    assert nearest_neighbour_accuracy(train, train_labels, test, test_labels) == pytest.approx(case["nearestNeighbour"])
    for probe in case["probes"]:
        found = linear_probe(train, train_labels, test, test_labels, (probe["C"],))
        assert found == {"accuracy": pytest.approx(probe["testAccuracy"]), "C": probe["C"]}


def blobs(seed: int, rows: int, dim: int = 10, classes: int = 4, spread: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    centres = np.random.default_rng(0).normal(0, 1, (classes, dim))
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, classes, rows)
    return torch.from_numpy(centres[targets] + rng.normal(0, spread, (rows, dim))), torch.from_numpy(targets)


@pytest.mark.parametrize("C", [0.01, 1.0])
def test_the_fit_is_the_optimum_that_another_solver_finds(C):
    rows, targets = blobs(1, 300)
    fit = fit_logistic(rows, targets, 4, C)
    p = torch.zeros(11, 4, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([p], max_iter=5000, tolerance_grad=1e-11, tolerance_change=0, line_search_fn="strong_wolfe")
    objective = lambda q: F.cross_entropy(rows @ q[:-1] + q[-1], targets) + q[:-1].square().sum() / (2 * C * len(rows))

    def closure():
        solver.zero_grad()
        loss = objective(p)
        loss.backward()
        return loss

    solver.step(closure)
    assert p.grad.abs().max() < 1e-8
    assert fit.gradient < 1e-5
    assert fit.loss == pytest.approx(objective(p).item(), abs=1e-7)
    assert objective(fit.parameters).item() == pytest.approx(fit.loss, abs=1e-12)
    assert torch.allclose(fit.parameters[:-1], p.detach()[:-1], atol=2e-3)
    warm = fit_logistic(rows, targets, 4, C, fit_logistic(rows, targets, 4, 10 * C).parameters)
    assert warm.loss == pytest.approx(fit.loss, abs=1e-7)


def test_the_linear_probe_knows_what_is_linearly_there_and_nothing_else():
    (train, t), (val, v) = blobs(1, 400, spread=0.15), blobs(2, 200, spread=0.15)
    names = lambda targets: [f"class {k}" for k in targets.tolist()]
    assert linear_probe(train, names(t), val, names(v))["accuracy"] == 1.0
    shuffled = names(t[torch.randperm(400, generator=torch.Generator().manual_seed(0))])
    assert linear_probe(train, shuffled, val, names(v))["accuracy"] < 0.5  # chance: 0.25
    # Exclusive or: no line parts it.
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.uniform(-1, 1, (800, 2)))
    labels = ["even" if a * b > 0 else "odd" for a, b in x.tolist()]
    assert linear_probe(x[:600], labels[:600], x[600:], labels[600:])["accuracy"] < 0.65


def test_the_strength_is_chosen_on_held_out_images():
    names = lambda targets: [str(k) for k in targets.tolist()]
    (train, t), (val, v) = blobs(1, 600, spread=1.5), blobs(2, 400, spread=1.5)
    rng = np.random.default_rng(3)
    noise = [torch.from_numpy(rng.normal(size=(n, 200))) for n in (600, 400)]
    wide, wide_val = torch.cat([train, noise[0]], 1), torch.cat([val, noise[1]], 1)
    chosen = linear_probe(wide, names(t), wide_val, names(v))
    weakest = linear_probe(wide, names(t), wide_val, names(v), (1.0,))
    assert chosen["C"] < 1.0 and chosen["accuracy"] > weakest["accuracy"], (chosen, weakest)
    assert linear_probe(wide, names(t), wide_val, names(v)) == chosen


def test_a_constant_column_and_labels_that_train_lacks():
    (train, t), (val, v) = blobs(1, 200, spread=0.15), blobs(2, 50, spread=0.15)
    constant = lambda x: torch.cat([x, torch.full((len(x), 1), 7.0)], 1)
    labels = [str(k) for k in v.tolist()]
    known = linear_probe(constant(train), [str(k) for k in t.tolist()], constant(val), labels)
    assert known["accuracy"] == 1.0
    unknown = linear_probe(train, [str(k) for k in t.tolist()], val, ["9", *labels[1:]])
    assert unknown["accuracy"] == pytest.approx(49 / 50)
    with pytest.raises(ValueError, match="at least two classes"):
        linear_probe(train, ["0"] * 200, val, labels)


@pytest.fixture(scope="module")
def model(workspace: Path) -> VQRAE:
    torch.manual_seed(1)
    encoder = load_encoder(workspace / "encoder")
    codebook = CodebookConfig(16, 8, layers=(1, 3))
    return VQRAE(encoder, codebook, DecoderConfig(32, 64, layers=1, heads=2, patch_size=4)).eval()


def test_features_and_codes_are_probed_alike(workspace: Path, model: VQRAE):
    items = read_source(workspace / "photos")
    train, val = items[::2], items[1::2]
    labels, wanted = [i.label for i in train], [i.label for i in val]
    x = [normalise(torch.stack([to_uint8(centre_crop(i.open(), 32)) for i in part])) for part in (train, val)]
    with torch.no_grad():
        hidden = [model.encoder(part, model.taps) for part in x]
        features = [model.encoder.final_norm(h[-1]) for h in hidden]
        vectors = [model.quantizer.effective_codebook()[model(part).quantized.ids] for part in x]
    continuous, discrete = evaluate_encoder(model.encoder, train, val), evaluate_discrete(model, train, val)
    assert set(continuous) == {"class_token", "mean_patch"} and set(discrete) == {"mean_patch"}
    pooled = [
        (continuous["class_token"], [f[:, 0] for f in features]),
        (continuous["mean_patch"], [f[:, 1:].mean(1) for f in features]),
        (discrete["mean_patch"], [v.mean(1) for v in vectors]),
    ]
    for figures, (g, q) in pooled:
        probe = linear_probe(g, labels, q, wanted)
        assert figures == {
            "nn1": nearest_neighbour_accuracy(g, labels, q, wanted),
            "nn1_leave_one_out": nearest_neighbour(q, wanted),
            "linear_probe": probe["accuracy"],
            "linear_probe_C": probe["C"],
        }


def test_the_command_prints_tables_and_writes_json(workspace: Path, model: VQRAE, tmp_path: Path, capsys):
    save_checkpoint(model, tmp_path / "checkpoint")
    photos, file = str(workspace / "photos"), tmp_path / "figures.json"
    main(["--checkpoint", str(tmp_path / "checkpoint"), "--encoder", f"frozen={workspace / 'encoder'}", "--train", photos,
          "--val", photos, "--limit", "10", "--json", str(file), "--device", "cpu"])  # fmt: skip
    figures = json.loads(file.read_text())
    assert list(figures["probes"]) == ["frozen", "checkpoint, continuous", "checkpoint, discrete"]
    assert figures["reconstruction"]["images"] == 10
    assert figures["probes"]["frozen"]["mean_patch"]["nn1"] == 1.0  # val is train here
    printed = capsys.readouterr().out
    assert f"| 10 | {figures['reconstruction']['psnr']:.2f} |" in printed
    assert f"{figures['reconstruction']['codes']} of 16" in printed
    rows = [line.split("|")[1].strip() for line in printed.splitlines() if line.startswith("| ")]
    continuous = [f"{n}, {p}" for n in ("frozen", "checkpoint, continuous") for p in ("class token", "mean patch")]
    assert rows[-5:] == [*continuous, "checkpoint, discrete, mean patch"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--encoder": "folder"}, "NAME=FOLDER"),
        ({"--limit": "1"}, "at least 2 images"),
        ({"--train": "plain"}, "at least two classes"),
        ({"--vqa": "nowhere.tar"}, "tar of the easy-VQA repository"),
    ],
)
def test_the_command_says_what_is_wrong(workspace: Path, change, message):
    photos = str(workspace / "photos")
    change = {k: str(workspace / "photos" / v) if k == "--train" else v for k, v in change.items()}
    options = {"--checkpoint": "nowhere", "--train": photos, "--val": photos} | change
    with pytest.raises(SystemExit, match=message):
        main([word for pair in options.items() for word in pair])
