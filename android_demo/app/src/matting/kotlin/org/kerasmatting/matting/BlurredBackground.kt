package org.kerasmatting.matting

/**
 * Blurs a picture's background at a small size, to be enlarged bilinearly.
 *
 * Three box filters of [radius] approximate a Gaussian. Pixels are weighted by 1 - alpha, so that the
 * subject's colours do not bleed into a halo around it.
 */
class BlurredBackground(private val width: Int, private val height: Int, private val radius: Int) {
    private val planes = Array(4) { FloatArray(width * height) } // weighted red, green, blue; weight
    private val line = FloatArray(maxOf(width, height))

    /** Blurs an ARGB [picture] with its [alpha] into opaque [target], all height x width. */
    fun blur(picture: IntArray, alpha: FloatArray, target: IntArray) {
        for (i in picture.indices) {
            val weight = 1 - alpha[i] + MIN_WEIGHT
            planes[0][i] = weight * (picture[i] shr 16 and 255)
            planes[1][i] = weight * (picture[i] shr 8 and 255)
            planes[2][i] = weight * (picture[i] and 255)
            planes[3][i] = weight
        }
        for (plane in planes) repeat(3) {
            for (y in 0 until height) mean(plane, y * width, 1, width)
            for (x in 0 until width) mean(plane, x, width, height)
        }
        for (i in target.indices) {
            val weight = planes[3][i]
            target[i] = argb(
                (planes[0][i] / weight + 0.5f).toInt().coerceIn(0, 255),
                (planes[1][i] / weight + 0.5f).toInt().coerceIn(0, 255),
                (planes[2][i] / weight + 0.5f).toInt().coerceIn(0, 255),
            )
        }
    }

    /** Box-filters [count] values, [step] apart, in place; windows are clipped at the borders. */
    private fun mean(plane: FloatArray, first: Int, step: Int, count: Int) {
        for (i in 0 until count) line[i] = plane[first + i * step]
        var sum = 0.0 // the rounding error of a float running sum could exceed the smallest weights
        for (i in 0 until minOf(radius, count)) sum += line[i]
        for (i in 0 until count) {
            if (i + radius < count) sum += line[i + radius]
            if (i > radius) sum -= line[i - radius - 1]
            val within = minOf(i + radius, count - 1) - maxOf(i - radius, 0) + 1
            plane[first + i * step] = (sum / within).toFloat()
        }
    }

    private companion object {
        const val MIN_WEIGHT = 1e-3f // keeps a picture that is entirely foreground well-defined
    }
}
