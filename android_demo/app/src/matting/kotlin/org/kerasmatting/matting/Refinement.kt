package org.kerasmatting.matting

/**
 * Enlarges alpha to a picture's full size along the picture's edges by the fast guided filter (He and Sun,
 * 2015, arXiv:1505.00996) with a colour guide.
 *
 * Around every pixel of the small picture, alpha is modelled as a linear function of colour. [fit] computes
 * the four coefficients; [Enlarged.rows] interpolates them and applies them to the pixels of the large
 * picture, which can therefore be processed strip by strip.
 *
 * [radius] is in pixels of the small picture; edges whose colour variance is below [epsilon] are smoothed away.
 */
class Refinement(
    val width: Int,
    val height: Int,
    private val radius: Int = 2,
    private val epsilon: Float = 1e-4f,
) {
    private val size = width * height
    private val colours = Array(3) { FloatArray(size) }
    private val means = Array(3) { FloatArray(size) }
    private val products = Array(6) { FloatArray(size) } // red*red, red*green, ..., blue*blue
    private val mixed = Array(3) { FloatArray(size) } // colour * alpha
    private val meanAlpha = FloatArray(size)
    private val sums = FloatArray(width)

    /** Coefficients of red, green and blue, and the constant. */
    private val coefficients = Array(4) { FloatArray(size) }

    /** Fits the coefficients to an ARGB [guide] and its [alpha], both height x width. */
    fun fit(guide: IntArray, alpha: FloatArray) {
        for (i in 0 until size) {
            val pixel = guide[i]
            colours[0][i] = (pixel shr 16 and 255) / 255f
            colours[1][i] = (pixel shr 8 and 255) / 255f
            colours[2][i] = (pixel and 255) / 255f
        }
        mean(alpha, meanAlpha)
        var pair = 0
        for (first in 0 until 3) {
            mean(colours[first], means[first])
            meanOfProduct(colours[first], alpha, mixed[first])
            for (second in first until 3) meanOfProduct(colours[first], colours[second], products[pair++])
        }
        for (i in 0 until size) solve(i)
        for (plane in coefficients) {
            plane.copyInto(meanAlpha)
            mean(meanAlpha, plane)
        }
    }

    /** Solves (covariance + epsilon) a = covariance with alpha by Cramer's rule, then computes the constant. */
    private fun solve(i: Int) {
        val red = means[0][i]
        val green = means[1][i]
        val blue = means[2][i]
        val rr = products[0][i] - red * red + epsilon
        val rg = products[1][i] - red * green
        val rb = products[2][i] - red * blue
        val gg = products[3][i] - green * green + epsilon
        val gb = products[4][i] - green * blue
        val bb = products[5][i] - blue * blue + epsilon
        val r = mixed[0][i] - red * meanAlpha[i]
        val g = mixed[1][i] - green * meanAlpha[i]
        val b = mixed[2][i] - blue * meanAlpha[i]

        val rrMinor = gg * bb - gb * gb
        val rgMinor = gb * rb - rg * bb
        val rbMinor = rg * gb - gg * rb
        val determinant = rr * rrMinor + rg * rgMinor + rb * rbMinor
        val ggMinor = rr * bb - rb * rb
        val gbMinor = rg * rb - rr * gb
        val bbMinor = rr * gg - rg * rg
        val ofRed = (rrMinor * r + rgMinor * g + rbMinor * b) / determinant
        val ofGreen = (rgMinor * r + ggMinor * g + gbMinor * b) / determinant
        val ofBlue = (rbMinor * r + gbMinor * g + bbMinor * b) / determinant
        coefficients[0][i] = ofRed
        coefficients[1][i] = ofGreen
        coefficients[2][i] = ofBlue
        coefficients[3][i] = meanAlpha[i] - ofRed * red - ofGreen * green - ofBlue * blue
    }

    private fun meanOfProduct(a: FloatArray, b: FloatArray, target: FloatArray) {
        for (i in 0 until size) target[i] = a[i] * b[i]
        mean(target, target)
    }

    private val across = FloatArray(size)

    /** Box filter of [radius]; windows are clipped at the borders. */
    private fun mean(source: FloatArray, target: FloatArray) {
        for (y in 0 until height) {
            val row = y * width
            var sum = 0f
            for (x in 0 until minOf(radius, width)) sum += source[row + x]
            for (x in 0 until width) {
                if (x + radius < width) sum += source[row + x + radius]
                if (x > radius) sum -= source[row + x - radius - 1]
                across[row + x] = sum / (minOf(x + radius, width - 1) - maxOf(x - radius, 0) + 1)
            }
        }
        sums.fill(0f)
        for (y in 0 until minOf(radius, height)) for (x in 0 until width) sums[x] += across[y * width + x]
        for (y in 0 until height) {
            val count = minOf(y + radius, height - 1) - maxOf(y - radius, 0) + 1
            val enters = (y + radius) * width
            val leaves = (y - radius - 1) * width
            for (x in 0 until width) {
                if (y + radius < height) sums[x] += across[enters + x]
                if (y > radius) sums[x] -= across[leaves + x]
                target[y * width + x] = sums[x] / count
            }
        }
    }

    /** Applies the coefficients to strips of a large picture; not thread-safe. */
    inner class Enlarged(private val pictureWidth: Int, private val pictureHeight: Int) {
        private val lines = Array(2) { FloatArray(4 * pictureWidth) }
        private val lineRows = intArrayOf(-1, -1)

        /** Discards interpolated coefficients of an earlier [fit]. */
        fun start() = lineRows.fill(-1)

        /** Computes [alpha] for the ARGB [pixels] of rows [top] until [top] + [count] of the large picture. */
        fun rows(pixels: IntArray, top: Int, count: Int, alpha: FloatArray) {
            for (y in 0 until count) {
                val centre = ((top + y + 0.5f) * height / pictureHeight - 0.5f).coerceIn(0f, height - 1f)
                val above = centre.toInt()
                val below = minOf(above + 1, height - 1)
                row(pixels, y * pictureWidth, line(above), line(below), centre - above, alpha)
            }
        }

        private fun row(
            pixels: IntArray, offset: Int, above: FloatArray, below: FloatArray, share: Float, alpha: FloatArray,
        ) {
            for (x in 0 until pictureWidth) {
                val i = 4 * x
                val pixel = pixels[offset + x]
                val red = above[i] + share * (below[i] - above[i])
                val green = above[i + 1] + share * (below[i + 1] - above[i + 1])
                val blue = above[i + 2] + share * (below[i + 2] - above[i + 2])
                val constant = above[i + 3] + share * (below[i + 3] - above[i + 3])
                val sum = red * (pixel shr 16 and 255) + green * (pixel shr 8 and 255) + blue * (pixel and 255)
                alpha[offset + x] = (sum * (1 / 255f) + constant).coerceIn(0f, 1f)
            }
        }

        private fun line(row: Int): FloatArray {
            val line = lines[row and 1]
            if (lineRows[row and 1] == row) return line
            lineRows[row and 1] = row
            for (x in 0 until pictureWidth) {
                val centre = ((x + 0.5f) * width / pictureWidth - 0.5f).coerceIn(0f, width - 1f)
                val left = centre.toInt()
                val share = centre - left
                val a = row * width + left
                val b = row * width + minOf(left + 1, width - 1)
                for (k in 0 until 4) {
                    line[4 * x + k] = coefficients[k][a] + share * (coefficients[k][b] - coefficients[k][a])
                }
            }
            return line
        }
    }
}
