r"""Measure the ranges of a quantization-aware model, without fine-tuning it.

    python -m export.qat --model modnet_mobilenetv2_mobile --weights float.weights.h5 \
        --size 512x512 --out qat.weights.h5

The ranges are observed on synthetic composites. The weights file is for `export.convert
--qat_weights`: int8 without fine-tuning, to compare with `recipes/modnet.py --quantize`.
"""

import sys

from absl import flags

from export import network, samples
from export.convert import parse_size, representative_inputs
from keras_matting import weights_files
from keras_matting.commands import start
from keras_matting.quantization.qat import deployment, quantize


def main(_):
    options = flags.FLAGS
    try:
        _run(options)
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(options.out)


def _run(options):
    size = parse_size(options.size)
    model = deployment(network.build(options, size))
    inputs = representative_inputs(model.input, *size, count=options.count)
    quantised = quantize(model, samples.batches(inputs))
    weights_files.save(quantised, options.out)


def define_flags():
    network.define_flags()
    flags.adopt_module_key_flags(network)  # so that --help lists them
    flags.DEFINE_string("size", "512x512", "HxW of the images, multiples of 32.")
    flags.DEFINE_integer("count", 32, "Synthetic composites to observe.", lower_bound=1)
    flags.DEFINE_string("out", "qat.weights.h5", "The .weights.h5 file to write.")


if __name__ == "__main__":
    start(sys.modules[__name__])
