"""Make the README's table of networks: parameters, multiply-adds, difference to the recordings.

    python -m benchmarks.networks                # print the table
    python -m benchmarks.networks --write        # replace it in README.md, between its two marks

Parameters are the trainable ones with training heads, if the forward pass uses them. Multiply-adds
count convolutions and attention for one 512x512 image without training heads. The difference is the
largest of any output to the recordings in tests/golden, which the published implementation made in
inference with the same weights; a dash means that there is no recording.
"""

import sys
from pathlib import Path

import numpy as np
from absl import app, flags

from keras_matting.atomic import write_between
from keras_matting.models import MODELS, create_model
from keras_matting.models.operations import multiply_adds
from keras_matting.weights import load_published

ROOT = Path(__file__).parents[1]
MARKS = "<!-- networks: written by python -m benchmarks.networks -->", "<!-- /networks -->"
HALF, IMAGENET = ((0.5,) * 3, (0.5,) * 3), ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CITYSCAPES = (0.3257, 0.3690, 0.3223), (0.2112, 0.2148, 0.2115)
MAPS = {"semantic": "semantic", "detail": "detail", "matte": "alpha"}
REFINED = {"pha": "alpha", "fgr": "foreground", "err_sm": "error_coarse"}
# variant: layout, recordings, options, kind of recorded input, {recorded output: ours}
RECORDED = {
    "bgmv2_base_mobilenetv2": (
        *("bgmv2/mattingbase_mobilenetv2", ["64x96"], {}, "pair"),
        {"pha": "alpha", "fgr": "foreground", "err": "error"},
    ),
    "bgmv2_base_resnet50": (
        *("bgmv2/mattingbase_resnet50", ["64x96"], {}, "pair"),
        {"pha": "alpha", "fgr": "foreground", "err": "error"},
    ),
    "bgmv2_mobilenetv2": (
        *("bgmv2/mattingrefine_mobilenetv2", ["sampling_96x160"]),
        *(dict(refine_sample_pixels=1600), "pair", REFINED),
    ),
    "bisenetv2": (
        *("bisenetv2/bisenetv2_c2_train", ["64x96"], dict(num_classes=2), CITYSCAPES),
        {"logits": "semantic"},
    ),
    "dim_vgg16": (
        *("dim/dim_unpool_vgg16", ["64x64", "96x64"], {}, "four"),
        {"alpha_raw": "alpha_raw", "alpha_refined": "alpha"},
    ),
    "dim_vgg16_bilinear": (
        *("dim/dim_vgg16", ["64x64", "64x96"], {}, "img"),
        {"alpha_raw": "alpha_raw", "alpha_pred": "alpha"},
    ),
    "gca": ("gca/gca", ["train_b2_64x96"], {}, "one-hot", {"alpha": "alpha"}),
    "modnet_mobilenetv2": ("modnet/modnet", ["128x128"], {}, HALF, MAPS),
    "modnet_hrnet_w18": ("ppmatting/modnet_hrnet_w18", ["64x64", "64x96"], {}, HALF, MAPS),
    **{
        f"ppmatting_hrnet_{width}": (
            *(f"ppmatting/ppmatting_hrnet_{width}", ["64x64"], {}, HALF),
            {"semantic": "semantic", "detail": "detail"},
        )
        for width in ("w18", "w48")
    },
    **{
        f"gfm_{backbone}_{kind}": (
            *(f"gfm/gfm_{short}_{kind}", ["64x96" if kind == "rim" else "96x96"], {}, "bytes"),
            {"glance_tt": "glance_tt", "focus_bt": "focus_bt"}
            if kind == "rim"
            else {"glance": "glance", "focus": "focus"},
        )
        for backbone, short, kinds in (
            ("resnet34", "r34", ("tt", "ft", "bt", "rim")),
            ("resnet34_2b", "r34_2b", ("tt",)),
            ("densenet121", "d121", ("tt",)),
            ("resnet101", "r101", ("tt",)),
        )
        for kind in kinds
    },
}

# slow, and equal to the row of their backbone except for the last layers
LEFT_OUT = [
    f"gfm_{backbone}_{representation}"
    for backbone in ("resnet34_2b", "resnet101")
    for representation in ("ft", "bt", "rim")
]


def difference(name, model):
    """Return the largest difference to a variant's recordings, or None without recordings."""
    sys.path.append(str(ROOT / "tests" / "golden"))
    from recordings import published_state, recording

    if name not in RECORDED:
        return None
    config, recordings, _, fed, outputs = RECORDED[name]
    largest = 0.0
    for size in recordings:
        golden = recording(f"{config}_{size}.npz")
        state = published_state(f"{config}.layout.json", f"{config}_{size}.meta.json")
        load_published(model, state)
        # GCA's stand-in vectors are singular vectors only after a training step
        found = model(_inputs(golden, fed), training=name == "gca")
        for theirs, ours in outputs.items():
            largest = max(largest, float(np.abs(found[ours] - golden[theirs]).max()))
    return largest


def _inputs(golden, fed):
    if fed == "pair":
        return {"image": golden["input_src"], "background": golden["input_bgr"]}
    if fed == "bytes":
        return {"image": golden["input"] / np.float32(255)}
    if fed == "img":
        trimap = np.rint(golden["trimap"] / 127.5) / 2
        return {"image": _image(golden["img"], *HALF), "trimap": trimap}
    if fed == "four":
        pixels, trimap = golden["input"][..., :3], golden["input"][..., 3:]
        return {"image": _image(pixels, *IMAGENET), "trimap": np.rint(2 * trimap) / 2}
    if fed == "one-hot":
        trimap = golden["input_trimap"] @ np.float32([[0.0], [0.5], [1.0]])
        return {"image": _image(golden["input_image"], *IMAGENET), "trimap": trimap}
    return {"image": _image(golden["input"], *fed)}


def _image(pixels, mean, std):
    return pixels * np.float32(std) + np.float32(mean)


def row(name):
    """Return the Markdown table row of a variant."""
    options = RECORDED[name][2] if name in RECORDED else {}
    model = create_model(name, (None, None, 3), training_heads=True, **options)
    parameters = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    largest = difference(name, model)
    inputs = ", ".join(model.input)
    del model
    giga = multiply_adds(create_model(name, (512, 512, 3), **options)) / 1e9
    note = "".join(f", {key}={value}" for key, value in options.items())
    shown = "" if largest is None else f"{largest:.0e}"
    method = MODELS[name].__name__.rsplit(".", 1)[-1]
    return (
        f"| {method} | `{name}`{note} | {inputs} | {parameters:,} | {giga:.1f} | {shown or '-'} |"
    )


def main(_):
    lines = [
        "| method | variant | inputs | parameters | G multiply-adds at 512x512 | difference |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in sorted(set(MODELS) - set(LEFT_OUT)):
        lines.append(row(name))
        print(lines[-1], flush=True)
    if flags.FLAGS.write:
        write_between(ROOT / "README.md", MARKS, "\n".join(lines))


if __name__ == "__main__":
    flags.DEFINE_bool("write", False, "Replace the table in README.md.")
    app.run(main)
