"""Without a network, the error says which file is missing and where to put it."""

import pytest

from keras_matting.backbones.imagenet import published


@pytest.mark.parametrize(
    "error, source",
    [
        # as Keras words it
        (
            Exception("URL fetch failure on https://a.b/vgg.h5: None -- [Errno -3] No name"),
            r"https://a.b/vgg.h5 \(\[Errno -3\] No name\)",
        ),
        (ConnectionResetError("reset"), r"keras.applications \(reset\)"),
    ],
)
def test_a_failed_download_is_one_sentence(error, source, monkeypatch):
    def VGG16(**options):
        raise error

    monkeypatch.setenv("KERAS_HOME", "/cache")
    words = f"ImageNet weights of VGG16 cannot be downloaded from {source}; .* into /cache/models"
    with pytest.raises(FileNotFoundError, match=words):
        published(VGG16)


def test_other_errors_stay():
    def VGG16(**options):
        raise TypeError("a defect")

    with pytest.raises(TypeError):
        published(VGG16)
