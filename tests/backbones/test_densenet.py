"""DenseNet-121 equals keras.applications for the same weights."""

import numpy as np
import pytest
from tensorflow import keras

from keras_matting.backbones import densenet


@pytest.fixture(scope="module")
def source():
    keras.utils.set_random_seed(2)
    model = keras.applications.DenseNet121(include_top=False, weights=None, input_shape=(64, 96, 3))
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return model


def test_blocks_equal_keras_applications(source):
    image = keras.Input((None, None, 3))
    pooled = keras.Input((None, None, 64))
    stem = keras.Model(image, densenet.stem(image))
    x = pooled
    for block in (1, 2, 3):
        x = densenet.transition(densenet.dense_block(x, block), block)
    rest = keras.Model(pooled, densenet.dense_block(x, 4))
    ours = keras.Model([image, pooled], [stem.output, rest.output])
    filled = densenet.load_imagenet(ours, source)
    assert len(filled) == sum(bool(layer.weights) for layer in ours.layers)

    names = ("conv1/relu", "pool1", "conv5_block16_concat")
    taps = keras.Model(source.input, [source.get_layer(name).output for name in names])
    picture = np.random.default_rng(1).random((1, 64, 96, 3), np.float32)
    first, after_pool, last = taps(picture)
    found_first, found_last = ours([picture, after_pool])
    np.testing.assert_allclose(found_first, first, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found_last, last, rtol=0, atol=1e-4 * np.abs(last).max())


def test_another_network_is_refused():
    image = keras.Input((None, None, 3))
    with pytest.raises(ValueError, match="no weights for backbone_stem_bn, backbone_stem_conv"):
        densenet.load_imagenet(
            keras.Model(image, densenet.stem(image)), keras.Sequential(name="other")
        )
