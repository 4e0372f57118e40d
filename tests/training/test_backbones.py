"""What --backbone starts a network from, without building one."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from keras_matting.backbones import imagenet
from keras_matting.models import create_model, modnet
from keras_matting.training import backbones, recipe


def test_a_file_sees_eight_batches_of_held_out_pictures(monkeypatch):
    seen = []
    monkeypatch.setattr(backbones, "load_backbone", lambda *given: seen.append(given))
    batches = tf.data.Dataset.range(10).batch(2).repeat(2).map(lambda i: ({"image": i}, {}))
    model = SimpleNamespace(name="gca")
    backbones.start(model, "file", batches)
    backbones.start(model, "file")
    backbones.start(model, "none", batches)
    (_, source, pictures), without = seen
    assert source == "file"
    np.testing.assert_array_equal(pictures, [*range(10), *range(6)])
    assert without == (model, "file", None)


@pytest.mark.parametrize("choice", ["imagenet", backbones.DEFAULT])
@pytest.mark.parametrize(
    "name, file, url",
    [
        ("gca", "model_best_resnet34_En_nomixup.pth", "https://github.com/Yaoyi-Li/GCA-Matting"),
        ("gfm_resnet34_tt", "resnet34-b627a593.pth", "https://download.pytorch.org/models/"),
        ("ppmatting_hrnet_w48", "hrnet_w48_ssld", "https://bj.bcebos.com/paddleseg/"),
        ("bisenetv2", "backbone_v2.pth", "https://github.com/CoinCheung/BiSeNet/releases/"),
        ("bgmv2_base_resnet50", "deeplabv3_resnet50_coco-cd0a2569.pth", "https://download"),
    ],
)
def test_a_file_that_keras_does_not_have_is_named(name, file, url, choice):
    with pytest.raises(FileNotFoundError) as raised:
        backbones.start(SimpleNamespace(name=name), choice)
    assert f"{name} starts from {file}, which" in str(raised.value) and url in str(raised.value)
    assert str(raised.value).endswith("with --backbone none.")


def test_imagenet_of_keras_applications_takes_the_networks_options(monkeypatch):
    seen = {}
    monkeypatch.setattr(modnet, "load_imagenet", lambda model, **options: seen.update(options))
    model = SimpleNamespace(name="modnet_mobilenetv2_mobile", options='{"width": 0.5}')
    backbones.start(model, backbones.DEFAULT)
    assert seen == {"width": 0.5}


def test_without_a_network_the_sentence_has_both_remedies(monkeypatch, tmp_path):
    def offline(**_):
        raise OSError("offline")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(
        modnet, "load_imagenet", lambda model, **options: imagenet.published(offline)
    )
    with pytest.raises(FileNotFoundError, match="put the file into .*; --backbone none trains"):
        backbones.start(SimpleNamespace(name="modnet_mobilenetv2"), "imagenet")


def test_a_network_without_a_published_backbone(capsys):
    model = SimpleNamespace(name="gca_mobile")
    backbones.start(model, backbones.DEFAULT)
    assert capsys.readouterr().out == "No published backbone fits gca_mobile: random weights.\n"
    with pytest.raises(ValueError, match="no published backbone fits gca_mobile: use --backbone"):
        backbones.start(model, "imagenet")


FOLDER = dict(foregrounds=["folder"])
CHOICES = [
    ({}, "none"),
    (FOLDER, backbones.DEFAULT),
    (dict(cityscapes="folder"), backbones.DEFAULT),
    (FOLDER | dict(photographs=True), "none"),
    (FOLDER | dict(weights="x.weights.h5"), "none"),
    (FOLDER | dict(base="x.weights.h5"), "none"),
    (FOLDER | dict(backbone="none"), "none"),
    (FOLDER | dict(photographs=True, backbone="file"), "file"),
    (dict(weights="imagenet"), "imagenet"),
]


@pytest.mark.parametrize("given, expected", CHOICES)
def test_the_default_on_folders_is_what_the_release_starts_from(given, expected):
    options = dict(quantize=None, weights=None, backbone=None, size=64, batch_size=4) | given
    resolved = recipe.resolved(SimpleNamespace(**options), {})
    assert resolved.backbone == expected and resolved.weights != "imagenet"


def test_the_backbone_of_a_network_that_ships():
    model = create_model("ppmatting_mobilenetv2_mobile", (64, 64, 3))
    layer = model.get_layer("backbone_block3_expand_conv")
    backbones.start(model, "pretrained:portrait")
    portrait = create_model(
        "modnet_mobilenetv2_mobile", (64, 64, 3), True, "pretrained:portrait", branch_width=0.5
    )
    np.testing.assert_array_equal(layer.kernel, portrait.get_layer(layer.name).kernel)


def test_the_backbone_of_another_kind_of_network_is_refused():
    model = create_model("gfm_resnet34_tt", (64, 64, 3))
    with pytest.raises(ValueError, match="modnet_mobilenetv2_mobile does not fit gfm_resnet34_tt"):
        backbones.start(model, "pretrained:portrait")
