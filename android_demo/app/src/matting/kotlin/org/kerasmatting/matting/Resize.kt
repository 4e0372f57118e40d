package org.kerasmatting.matting

import kotlin.math.floor
import kotlin.math.min

/**
 * Resizes ARGB pixels and float planes like OpenCV on the Python side: area averaging if a picture shrinks in
 * both directions, bilinear otherwise. Create one per pair of sizes; resizing itself allocates nothing.
 */
class Resize(val fromWidth: Int, val fromHeight: Int, val toWidth: Int, val toHeight: Int) {
    private val shrinks = toWidth <= fromWidth && toHeight <= fromHeight
    private val columns = Axis(fromWidth, toWidth, shrinks)
    private val rows = Axis(fromHeight, toHeight, shrinks)

    // The last two source rows, resized horizontally; neighbouring target rows share them.
    private val lines = arrayOf(FloatArray(3 * toWidth), FloatArray(3 * toWidth))
    private val lineRows = intArrayOf(-1, -1)
    private val sums = FloatArray(3 * toWidth)

    /**
     * Resizes [source], fromHeight x fromWidth, into opaque [target], toHeight x toWidth, or the [count] rows from
     * [top] on of it.
     */
    fun colours(source: IntArray, target: IntArray, top: Int = 0, count: Int = toHeight) {
        lineRows.fill(-1)
        for (y in top until top + count) {
            sums.fill(0f, 0, 3 * toWidth)
            for (tap in rows.start[y] until rows.start[y + 1]) {
                val line = colourLine(source, rows.source[tap])
                val weight = rows.weight[tap]
                for (i in 0 until 3 * toWidth) sums[i] += weight * line[i]
            }
            for (x in 0 until toWidth) {
                target[(y - top) * toWidth + x] = argb(
                    (sums[3 * x] + 0.5f).toInt(), (sums[3 * x + 1] + 0.5f).toInt(), (sums[3 * x + 2] + 0.5f).toInt(),
                )
            }
        }
    }

    /** Resizes one float per pixel. */
    fun plane(source: FloatArray, target: FloatArray) {
        lineRows.fill(-1)
        for (y in 0 until toHeight) {
            sums.fill(0f, 0, toWidth)
            for (tap in rows.start[y] until rows.start[y + 1]) {
                val line = planeLine(source, rows.source[tap])
                val weight = rows.weight[tap]
                for (i in 0 until toWidth) sums[i] += weight * line[i]
            }
            sums.copyInto(target, y * toWidth, 0, toWidth)
        }
    }

    private fun colourLine(source: IntArray, row: Int): FloatArray {
        val line = lines[row and 1]
        if (lineRows[row and 1] == row) return line
        lineRows[row and 1] = row
        val offset = row * fromWidth
        for (x in 0 until toWidth) {
            var red = 0f
            var green = 0f
            var blue = 0f
            for (tap in columns.start[x] until columns.start[x + 1]) {
                val pixel = source[offset + columns.source[tap]]
                val weight = columns.weight[tap]
                red += weight * (pixel shr 16 and 255)
                green += weight * (pixel shr 8 and 255)
                blue += weight * (pixel and 255)
            }
            line[3 * x] = red
            line[3 * x + 1] = green
            line[3 * x + 2] = blue
        }
        return line
    }

    private fun planeLine(source: FloatArray, row: Int): FloatArray {
        val line = lines[row and 1]
        if (lineRows[row and 1] == row) return line
        lineRows[row and 1] = row
        val offset = row * fromWidth
        for (x in 0 until toWidth) {
            var sum = 0f
            for (tap in columns.start[x] until columns.start[x + 1]) {
                sum += columns.weight[tap] * source[offset + columns.source[tap]]
            }
            line[x] = sum
        }
        return line
    }
}

/** Source positions and weights along one axis: target position i uses taps start[i] until start[i + 1]. */
private class Axis(from: Int, to: Int, areas: Boolean) {
    val start = IntArray(to + 1)
    val source: IntArray
    val weight: FloatArray

    init {
        val positions = ArrayList<Int>()
        val weights = ArrayList<Float>()
        val step = from.toDouble() / to
        for (i in 0 until to) {
            if (areas) {
                val begin = i * step
                val end = min((i + 1) * step, from.toDouble())
                var position = begin.toInt()
                while (position < end - TINY) {
                    val share = min(end, position + 1.0) - maxOf(begin, position.toDouble())
                    if (share > TINY) {
                        positions += position
                        weights += (share / (end - begin)).toFloat()
                    }
                    position++
                }
            } else {
                val centre = (i + 0.5) * step - 0.5
                val left = floor(centre).toInt()
                val share = (centre - left).toFloat()
                positions += left.coerceIn(0, from - 1)
                weights += 1 - share
                positions += (left + 1).coerceIn(0, from - 1)
                weights += share
            }
            start[i + 1] = positions.size
        }
        source = positions.toIntArray()
        weight = weights.toFloatArray()
    }

    private companion object {
        const val TINY = 1e-9 // more than the rounding error of i * step
    }
}

/** Packs colours 0..255 into an opaque pixel, in the format of `Bitmap.getPixels`. */
fun argb(red: Int, green: Int, blue: Int): Int = 0xFF shl 24 or (red shl 16) or (green shl 8) or blue
