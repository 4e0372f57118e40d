r"""Measures the ranges of a quantization-aware model, without fine-tuning it.

    python -m export.qat --model modnet_mobilenetv2_mobile --weights float.weights.h5 \
        --size 512x512 --out qat.weights.h5

Ranges come from synthetic composites. The weights file is for `export.convert --qat_weights`: int8
without fine-tuning, to compare with `recipes/modnet.py --quantize`.
"""

import sys

from absl import app, flags

from export.convert import (
    define_network_flags,
    float_network,
    parse_size,
    representative_inputs,
)
from keras_matting.atomic import replacing
from keras_matting.quantization.qat import batches, deployment, quantize


def main(_):
    options = flags.FLAGS
    try:
        _calibrate_file(options)
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(options.out)


def _calibrate_file(options):
    size = parse_size(options.size)
    model = deployment(float_network(options, size))
    inputs = representative_inputs(model.input, *size, count=options.images)
    quantised = quantize(model, batches(inputs))
    with replacing(options.out) as temporary:
        quantised.save_weights(temporary)


def define_flags():
    define_network_flags()
    flags.DEFINE_string("size", "512x512", "HxW of the images, multiples of 32.")
    flags.DEFINE_integer("images", 32, "Images that the ranges are taken from.", lower_bound=1)
    flags.DEFINE_string("out", "qat.weights.h5", "The .weights.h5 file to write.")


if __name__ == "__main__":
    define_flags()
    app.run(main)
