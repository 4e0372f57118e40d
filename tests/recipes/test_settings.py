"""What the recipes set up on folders, against the numbers of the released scripts.

The published files are named beside the numbers. No network is built and no picture read: `main`
runs up to `fit` with a stand-in for both.
"""

import importlib
import math

import pytest
import tensorflow as tf
from absl import flags

from keras_matting.training import recipe, run, sources

BACKBONE, HEAD, NORM = "backbone_conv/kernel:0", "decoder1_conv/kernel:0", "decoder1_bn/gamma:0"


class Network:
    """Takes what a recipe compiles."""

    layers = ()
    input = None

    def __init__(self, **outputs):
        self.output = outputs

    def compile(self, optimizer, loss=None, metrics=None):
        self.optimizer, self.loss = optimizer, loss


@pytest.fixture
def set_up(monkeypatch, tmp_path):
    """Return set_up(recipe, *flags) -> (optimizer, {output: loss}, options) of a run on folders."""

    def start(name, *arguments, pictures=1000):
        seen = {}
        module = importlib.import_module(f"recipes.{name}")
        names = recipe.defined(module.define_flags)
        try:
            flags.FLAGS(["", f"--workdir={tmp_path}", *arguments])
            given = recipe.parsed(names)
        finally:
            for flag in names:
                delattr(flags.FLAGS, flag)

        def data(options, *_, **__):
            return sources.Data(None, None, sources.steps_of(options, pictures), None)

        def fit(model, options, *_, **__):
            seen.update(model=model, options=options)

        network = Network(alpha=None)
        monkeypatch.setattr(module, "create_model", lambda *_, **__: network)
        monkeypatch.setattr(run, "fit", fit)
        monkeypatch.setattr(sources, "composites", data)
        monkeypatch.setattr(sources, "pictures", data)
        monkeypatch.setattr(sources, "photographs", lambda options: ())
        monkeypatch.setattr(module, "with_error", lambda x: x, raising=False)
        monkeypatch.setattr(module, "cityscapes", data, raising=False)
        monkeypatch.setattr(module, "photographs", data, raising=False)
        monkeypatch.setattr(module, "SelfSupervised", lambda *_: network, raising=False)
        options = recipe.resolved(given, module.defaults(given))
        module.main(options, tf.distribute.get_strategy())
        return seen["model"].optimizer, seen["model"].loss, seen["options"]

    return start


FOLDERS = "--foregrounds=anywhere"
CITY = "--cityscapes=anywhere"
# recipe and flags; optimiser; size, batch; steps in all, of an epoch over 1000 pictures
SETTINGS = [
    # train.sh and README.md of huochaitiantang/pytorch-deep-image-matting
    (["dim", FOLDERS], "Adam", 320, 1, 12 * 43_100),
    (["dim", FOLDERS, "--backgrounds_each=50"], "Adam", 320, 1, 12 * 50 * 1000),
    # contrib/Matting/configs/dim/dim_vgg16.yml of PaddleSeg
    (["dim", FOLDERS, "--model=dim_vgg16_bilinear"], "Adam", 320, 16, 100_000),
    # config/gca-dist.toml of Yaoyi-Li/GCA-Matting, on four GPUs as its README says
    (["gca", FOLDERS], "Adam", 512, 4 * 10, 200_000),
    # src/trainer.py of ZHKKKe/MODNet
    (["modnet", FOLDERS], "SGD", 512, 16, 40 * 62),
    (["modnet_soc", "--images=anywhere"], "Adam", 512, 1, 10 * 1000),
    # Matting/configs/ppmatting/ppmatting-hrnet_w48-distinctions.yml of PaddleSeg
    (["ppmatting", FOLDERS], "SGD", 512, 4, 300_000),
    # scripts/train/train_hd_rssn.sh and train_ori.sh of JizhiziLi/GFM
    # five backgrounds for each foreground and epoch, SAMPLE_BAGS of core/config.py
    (["gfm", FOLDERS], "Adam", 320, 32, 100 * 156),
    (["gfm", FOLDERS, "--track=ori"], "Adam", 320, 32, 500 * 31),
    # train_base.py and train_refine.py of PeterL1n/BackgroundMattingV2
    (["bgmv2", FOLDERS], "Adam", 512, 8, 8 * 125),
    (["bgmv2", FOLDERS, "--stage=refine"], "Adam", 2048, 4, 250),
    # configs/bisenetv2_city.py of CoinCheung/BiSeNet, on two GPUs as in dist_train.sh
    (["bisenetv2", CITY], "SGD", 512, 2 * 8, 150_000),
]


@pytest.mark.parametrize("command, kind, size, batch_size, steps", SETTINGS)
def test_sizes_and_steps(set_up, command, kind, size, batch_size, steps):
    optimizer, _, options = set_up(*command)
    assert type(optimizer).__name__ == kind
    assert (options.size, options.batch_size) == (size, batch_size)
    of_an_epoch = sources.steps_of(options, 1000)
    assert options.epochs * of_an_epoch == steps


def rate(optimizer, step, part=""):
    """The learning rate in a step, from 0, for variables whose names begin with `part`."""
    schedule = optimizer._learning_rate
    value = schedule(step) if callable(schedule) else schedule
    factors = (f for beginning, f in optimizer.parts.items() if part.startswith(beginning))
    return float(value) * next(factors, 1.0)


# {(step, beginning of a variable's name): learning rate}
RATES = [
    (["dim", FOLDERS], {(0, ""): 1e-5, (500_000, ""): 1e-5}),
    (["dim", FOLDERS, "--model=dim_vgg16_bilinear"], {(0, ""): 1e-3}),
    # linear from its 5000th part, then half a cosine over the other 195,000
    (
        ["gca", FOLDERS],
        {(0, ""): 4e-4 / 5000, (2499, ""): 2e-4, (5000, ""): 4e-4, (102_500, ""): 2e-4},
    ),
    # times 0.1 after every tenth of forty epochs
    (
        ["modnet", FOLDERS],
        {(0, ""): 1e-2, (619, ""): 1e-2, (620, ""): 1e-3, (1240, ""): 1e-4, (2400, ""): 1e-5},
    ),
    (["modnet_soc", "--images=anywhere"], {(0, ""): 1e-5}),
    (["ppmatting", FOLDERS], {(0, ""): 0.01, (150_000, ""): 0.01 * 0.5**0.9}),
    (["gfm", FOLDERS], {(0, ""): 1e-5, (3000, ""): 1e-5}),
    (
        ["bgmv2", FOLDERS],
        {(0, "backbone"): 1e-4, (0, "aspp"): 5e-4, (0, "decoder"): 5e-4},
    ),
    (
        ["bgmv2", FOLDERS, "--stage=refine"],
        {(0, "backbone"): 5e-5, (0, "aspp"): 5e-5, (0, "decoder"): 1e-4, (0, "refine"): 3e-4},
    ),
    # from a tenth, exponentially, in 1000 steps; ten times that for main and booster heads
    (
        ["bisenetv2", CITY],
        {
            (0, "detail"): 5e-4,
            (500, "semantic3"): 5e-3 * math.sqrt(0.1),
            (1000, "aggregate"): 5e-3,
            (1000, "semantic_keep0"): 5e-3,
            (1000, "semantic_head"): 5e-2,
            (1000, "semantic_logit"): 5e-2,
            (1000, "auxiliary4_wide"): 5e-2,
            (75_500, "detail"): 5e-3 * 0.5**0.9,
        },
    ),
]


@pytest.mark.parametrize("command, expected", RATES)
def test_learning_rates(set_up, command, expected):
    optimizer, _, _ = set_up(*command)
    for (step, part), value in expected.items():
        assert rate(optimizer, step, part) == pytest.approx(value, rel=1e-3)


# --weights: variant; optimiser; size, batch; steps over 1000 pictures; learning rate at first
FINE_TUNING = [
    (["modnet", FOLDERS], "pretrained:animal", "modnet_mobilenetv2_mobile", 384, 4, 2500, 3e-4),
    (["modnet_soc"], "pretrained", "modnet_mobilenetv2_mobile", 128, 1, 100, 1e-5),
    (["dim", FOLDERS], "pretrained", "dim_mobilenetv2_mobile", 320, 4, 2500, 3e-4),
    (["bgmv2", FOLDERS], "pretrained", "bgmv2_base_mobilenetv2_mobile", 384, 4, 2500, 3e-4),
]


@pytest.mark.parametrize("command, weights, variant, size, batch_size, steps, peak", FINE_TUNING)
def test_a_shipped_network_is_the_start(
    set_up, command, weights, variant, size, batch_size, steps, peak
):
    optimizer, _, options = set_up(*command, f"--weights={weights}")
    assert type(optimizer).__name__ == "Adam"
    assert (options.model, options.size, options.batch_size) == (variant, size, batch_size)
    assert options.epochs * (options.steps_per_epoch or 1000 // options.batch_size) == steps
    assert options.weights.startswith(f"{weights.partition(':')[0]}:")
    assert options.backbone == "none"
    schedule = optimizer._learning_rate
    assert float(schedule(0) if callable(schedule) else schedule) == pytest.approx(peak)
    if command[0] != "modnet_soc":
        assert float(schedule(steps)) == pytest.approx(0.0, abs=1e-9)


def test_flags_win_over_what_a_shipped_network_implies(set_up):
    given = ["--learning_rate=1e-3", "--optimizer=sgd", "--branch_width=1", "--size=256"]
    optimizer, _, options = set_up("modnet", FOLDERS, "--weights=pretrained", *given)
    assert (options.weights, options.branch_width) == ("pretrained:portrait", 1.0)
    assert (type(optimizer).__name__, options.size) == ("SGD", 256)
    *_, options = set_up("modnet", FOLDERS, "--weights=pretrained:animal")
    assert options.branch_width == 0.5
    *_, options = set_up("dim", FOLDERS, "--weights=pretrained")
    assert options.stage == "everything"


@pytest.mark.parametrize(
    "command, message",
    [
        (["gca", "--weights=pretrained"], "--weights=pretrained is not of this recipe"),
        (["dim", "--weights=pretrained:portrait"], "those that ship: portrait .modnet_mob"),
        (["modnet", "--weights=pretrained:dog"], "unknown pretrained network 'dog'"),
        (["modnet", "--model=modnet_mobilenetv2", "--weights=pretrained"], "or --model; those"),
    ],
)
def test_a_network_that_does_not_ship_is_one_sentence(set_up, command, message):
    with pytest.raises(ValueError, match=message):
        set_up(*command)


ADAMS = [
    (["dim", FOLDERS], 0.9, 0.999, None),
    (["gca", FOLDERS], 0.5, 0.999, 2.0),
    (["modnet_soc", "--images=anywhere"], 0.9, 0.99, None),
    (["gfm", FOLDERS], 0.9, 0.999, None),
    (["bgmv2", FOLDERS], 0.9, 0.999, None),
]


@pytest.mark.parametrize("command, beta_1, beta_2, clip", ADAMS)
def test_adams(set_up, command, beta_1, beta_2, clip):
    optimizer, _, _ = set_up(*command)
    assert (optimizer.beta_1, optimizer.beta_2) == (beta_1, beta_2)
    assert (optimizer.epsilon, optimizer.clip, optimizer.weight_decay) == (1e-8, clip, None)


# decay of kernels, of norms and biases
DECAYS = [
    (["modnet", FOLDERS], 0.0, 0.0),
    (["ppmatting", FOLDERS], 4e-5, 4e-5),
    (["bisenetv2", CITY], 5e-4, 0.0),
]


@pytest.mark.parametrize("command, of_kernels, of_norms", DECAYS)
def test_momentum_and_decay(set_up, command, of_kernels, of_norms):
    optimizer, _, _ = set_up(*command)
    assert optimizer.momentum == 0.9 and not optimizer.nesterov
    names = ("stem_conv/kernel:0", "stem_conv/depthwise_kernel:0", "stem_bn/gamma:0", "x/bias:0")
    found = [optimizer.decay_of(name) for name in names]
    assert found == [of_kernels, of_kernels, of_norms, of_norms]


# core/train.py of the reproduction: stage 3 adds the losses of stages 1 and 2
@pytest.mark.parametrize(
    "stage, outputs",
    [
        ("encoder_decoder", {"alpha"}),
        ("refinement", {"alpha"}),
        ("everything", {"alpha", "alpha_raw"}),
    ],
)
def test_what_dims_stages_learn_from(set_up, stage, outputs):
    assert set(set_up("dim", FOLDERS, f"--stage={stage}")[1]) == outputs
