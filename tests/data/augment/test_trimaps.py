"""Trimaps against their definition, evaluated pixel by pixel."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from keras_matting.data.augment import trimaps


def by_definition(alpha, inner, outer):
    """Foreground: every pixel within `inner` has alpha 1; background: within `outer` alpha 0.

    From 247 of 255 on counts as 1, up to 8 as 0.
    """
    height, width = alpha.shape[:2]
    ys, xs = np.mgrid[:height, :width]
    result = np.full((height, width, 1), 128, np.uint8)
    for y in range(height):
        for x in range(width):
            squared = (ys - y) ** 2 + (xs - x) ** 2
            if (alpha[squared <= inner**2] > 246.5 / 255).all():
                result[y, x] = 255
            elif (alpha[squared <= outer**2] < 8.5 / 255).all():
                result[y, x] = 0
    return result


def alphas():
    generator = np.random.default_rng(1)
    ys, xs = np.mgrid[:37, :45]
    soft = np.clip((12 - np.hypot(ys - 18, xs - 20)) / 3 + 0.5, 0, 1)
    hard = ((ys > 8) & (ys < 30) & (xs > 10)).astype(float)
    speckled = np.where(generator.random((37, 45)) < 0.01, 0.5, hard)
    empty, full = np.zeros_like(soft), np.ones_like(soft)
    return {"soft": soft, "hard": hard, "speckled": speckled, "empty": empty, "full": full}


@pytest.mark.parametrize("radius", [0, 1, 5, 7.5])
@pytest.mark.parametrize("name", alphas())
def test_equals_definition(name, radius):
    alpha = alphas()[name].astype(np.float32)[..., None]
    sample = trimaps.trimap(radius)({"alpha": tf.constant(alpha)})
    assert sample["trimap"].dtype == tf.uint8
    np.testing.assert_array_equal(sample["trimap"], by_definition(alpha, radius, radius))


def test_values_near_the_ends_count_as_the_ends():
    """As video (254 inside) and JPEG leave them."""
    hard = 255 * alphas()["hard"]
    for low, high in ((0, 254), (8, 247)):
        alpha = np.float32(np.where(hard, high, low)[..., None] / 255)
        found = trimaps.trimap(3)({"alpha": tf.constant(alpha)})["trimap"]
        exact = (hard[..., None] / 255).astype(np.float32)
        np.testing.assert_array_equal(found, by_definition(exact, 3, 3))


def test_jpeg_hardly_widens_the_unknown_band():
    ys, xs = np.mgrid[:128, :128]
    clean = np.clip((45 - np.hypot(ys - 64, xs - 64)) / 3 + 0.5, 0, 1)[..., None]
    clean = np.rint(255 * clean).astype(np.uint8)
    compressed = tf.io.decode_jpeg(tf.io.encode_jpeg(clean, quality=75)).numpy()
    unknown = [
        np.mean(trimaps.trimap(5)({"alpha": tf.constant(a / np.float32(255))})["trimap"] == 128)
        for a in (clean, compressed)
    ]
    assert unknown[1] < 1.1 * unknown[0]


def test_random_radii_are_whole_and_cover_the_range():
    alpha = alphas()["hard"].astype(np.float32)[..., None]
    apply = trimaps.random_trimap((2, 4))
    expected = {
        (inner, outer): by_definition(alpha, inner, outer).tobytes()
        for inner in (2, 3, 4)
        for outer in (2, 3, 4)
    }
    seen = {
        apply({"alpha": tf.constant(alpha), "seed": tf.constant([7, i])})["trimap"]
        .numpy()
        .tobytes()
        for i in range(100)
    }
    assert seen == set(expected.values())


@pytest.mark.parametrize("reduction", [1.0, 2.0])
def test_a_kernel_repeated_reaches_as_far_as_its_sum(reduction):
    """k - 1 pixels across each time, for k of 2 to 4 and 5 to 14 times: 2.5 to 21 to each side."""
    alpha = np.zeros((1, 120, 1), np.float32)
    alpha[:, 60:] = 1.0
    apply = trimaps.random_repeated_trimap(reduced=True)
    widths = set()
    for i in range(300):
        sample = {"alpha": tf.constant(alpha), "seed": tf.constant([7, i])}
        found = apply(sample | {"reduction": tf.constant(reduction)})["trimap"][0, :, 0].numpy()
        (unknown,) = np.nonzero(found == 128)
        assert 60 - unknown[0] == unknown[-1] - 59  # alike inside and outside
        widths.add(len(unknown) / 2)
    radii = {(k - 1) / 2 * times for k in (2, 3, 4) for times in range(5, 15)}
    assert widths == {np.floor(radius / reduction) for radius in radii}


def test_uneven_trimaps_lie_between_the_alpha_and_the_largest_radius():
    alpha = alphas()["hard"].astype(np.float32)[..., None]
    widest = by_definition(alpha, 9, 9)
    apply = trimaps.random_uneven_trimap((3.0, 9.0))
    widths = set()
    for i in range(20):
        found = apply({"alpha": tf.constant(alpha), "seed": tf.constant([7, i])})["trimap"].numpy()
        assert (found[widest == 255] == 255).all() and (found[widest == 0] == 0).all()
        assert (alpha[found == 255] == 1).all() and (alpha[found == 0] == 0).all()
        columns = (found[9:29, :, 0] == 128).sum(1)
        widths.add(int(columns.max() - columns.min()))
    assert max(widths) >= 3  # along one straight edge


def test_uneven_trimaps_without_unevenness_have_one_radius():
    alpha = alphas()["hard"].astype(np.float32)[..., None]
    apply = trimaps.random_uneven_trimap((5.5, 5.5), unevenness=0.0)
    found = apply({"alpha": tf.constant(alpha), "seed": tf.constant([7, 1])})["trimap"]
    np.testing.assert_array_equal(found, by_definition(alpha, 5.5, 5.5))


@pytest.mark.parametrize("name", alphas())
def test_radii_beyond_the_unrolled_ones_and_the_picture(name):
    alpha = alphas()[name].astype(np.float32)[..., None]
    for radius in (trimaps.NEAR + 1, 200):
        sample = trimaps.trimap(radius)({"alpha": tf.constant(alpha)})
        np.testing.assert_array_equal(sample["trimap"], by_definition(alpha, radius, radius))


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="tensorflow-addons has no build for it")
@pytest.mark.parametrize("radius", [1.0, 4.5, 13.2, 60.0])
@pytest.mark.parametrize("reduced", [False, True])
def test_equals_the_distance_transform_of_addons(radius, reduced):
    import tensorflow_addons as tfa

    generator = np.random.default_rng(2)
    smooth = tf.image.resize(generator.random((9, 11, 1)), (180, 220), "bicubic").numpy()
    alpha = np.clip(20 * (smooth - 0.5), 0, 1).astype(np.float32)
    apply = trimaps.trimap(radius, reduced=reduced)
    found = apply({"alpha": tf.constant(alpha), "reduction": tf.constant(1.5)})["trimap"]
    within = tf.constant(radius) / 1.5 if reduced else radius
    inside, outside = (
        tfa.image.euclidean_dist_transform(tf.cast(mask, tf.uint8)) > within
        for mask in (alpha > 246.5 / 255, alpha < 8.5 / 255)
    )
    np.testing.assert_array_equal(found, tf.where(inside, 255, tf.where(outside, 0, 128)))
