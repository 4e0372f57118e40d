"""Make the pictures of docs/use.md from scikit-image's astronaut and from drawn figures.

python -m benchmarks.use_pictures docs/use
"""

from pathlib import Path

import cv2
import numpy as np
from absl import app
from skimage import data

import keras_matting
from keras_matting.atomic import write_bytes
from keras_matting.data import synthetic
from keras_matting.inference.backgrounds import background_of, compose
from keras_matting.inference.video.steadying import steadied

BLUE = (60, 110, 200)
GAP = 6  # pixels between pictures


def colours(model):
    """Return cut-outs on blue with the photograph's colours and with estimated ones."""
    astronaut = data.astronaut()
    alpha = keras_matting.predict_alpha(model, astronaut)
    head = slice(5, 135), slice(145, 310)
    foreground, true = synthetic.draw_foreground(6, 900, 750, "portrait")
    opacity = true[..., 0] / np.float32(255)
    drawn = compose(foreground, opacity, synthetic.draw_background(6, 900, 750))
    hair = slice(40, 300), slice(20, 350)
    rows = []
    for image, matte, part in ((astronaut, alpha, head), (drawn, opacity, hair)):
        behind = np.broadcast_to(np.uint8(BLUE), image.shape).copy()
        estimated = keras_matting.foreground_colours(image, matte)
        pictures = image, compose(image, matte, behind), compose(estimated, matte, behind)
        rows.append(_row([x[part] for x in pictures], 260))
    return np.vstack(rows)


def edges(model):
    """Return a part of a large picture, and its matte enlarged plainly and along edges."""
    foreground, alpha = synthetic.draw_foreground(7, 2048, 1706, "portrait")
    behind = synthetic.draw_background(7, 2048, 1706)
    image = compose(foreground, alpha[..., 0] / np.float32(255), behind)
    part = slice(130, 610), slice(600, 1160)
    pictures = [image[part]]
    for refine in (False, True):
        matte = keras_matting.predict_alpha(model, image, refine_edges=refine)
        pictures.append(cv2.cvtColor(np.uint8(np.rint(255 * matte[part])), cv2.COLOR_GRAY2RGB))
    return _row(pictures, 260)


def video(model):
    """Return frames of a drawn video and of its result on another background."""
    frames = [frame["image"] for frame in synthetic.draw_clip(2, 25, 480, 400, "portrait")]
    pairs = ((frame, keras_matting.predict_alpha(model, frame)) for frame in frames)
    behind = background_of("blue", 480, 400)(None, None)
    results = [
        compose(keras_matting.foreground_colours(frame, alpha), alpha, behind)
        for frame, alpha in zip(frames, steadied(pairs), strict=True)
    ]
    return np.vstack([_row(strip[::6], 190) for strip in (frames, results)])


def _row(pictures, height):
    """Return pictures of one shape side by side, enlarged or reduced to a height, with gaps."""
    width = round(height * pictures[0].shape[1] / pictures[0].shape[0])
    way = cv2.INTER_AREA if height < pictures[0].shape[0] else cv2.INTER_CUBIC
    scaled = [cv2.resize(x, (width, height), interpolation=way) for x in pictures]
    border = [(0, GAP), (0, GAP), (0, 0)]
    return np.hstack([np.pad(x, border, constant_values=255) for x in scaled])


def main(argv):
    if len(argv) != 2:
        raise app.UsageError("specify the folder to write to")
    model = keras_matting.load("portrait")
    for make in (colours, edges, video):
        picture = make(model)[:-GAP, :-GAP, ::-1]
        encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
        write_bytes(Path(argv[1]) / f"{make.__name__}.jpg", encoded.tobytes())


if __name__ == "__main__":
    app.run(main)
