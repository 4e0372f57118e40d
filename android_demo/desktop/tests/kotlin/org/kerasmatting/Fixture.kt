package org.kerasmatting

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.abs
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.kerasmatting.matting.argb

/** Reference values from Python, <name>.<type>.<shape>.bin; see tools/fixtures.py. */
class Fixture(name: String) {
    private val file = File(System.getProperty("fixtures")).listFiles()!!.single { it.name.startsWith("$name.") }
    val shape = file.name.split(".")[2].split("x").map { it.toInt() }
    val bytes: ByteArray = file.readBytes()
    private val buffer get() = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)

    val height get() = shape[0]
    val width get() = shape[1]
    val floats get() = FloatArray(bytes.size / 4).also { buffer.asFloatBuffer().get(it) }
    val integers get() = IntArray(bytes.size / 4).also { buffer.asIntBuffer().get(it) }
    val pixels get() = pixelsOf(bytes)
}

/** Converts red, green and blue bytes to ARGB. */
fun pixelsOf(bytes: ByteArray) = IntArray(bytes.size / 3) {
    argb(bytes[3 * it].toInt() and 255, bytes[3 * it + 1].toInt() and 255, bytes[3 * it + 2].toInt() and 255)
}

/** Asserts that every channel of every pixel is within [steps] of 1/255. */
fun assertPixels(expected: IntArray, found: IntArray, steps: Int = 1) {
    assertEquals(expected.size, found.size)
    val worst = expected.indices.maxOf { i ->
        listOf(0, 8, 16, 24).maxOf { abs((expected[i] ushr it and 255) - (found[i] ushr it and 255)) }
    }
    assertTrue(worst <= steps, "a channel differs by $worst/255")
}

fun assertFloats(expected: FloatArray, found: FloatArray, tolerance: Float) {
    assertEquals(expected.size, found.size)
    val worst = expected.indices.maxOf { abs(expected[it] - found[it]) }
    assertTrue(worst <= tolerance, "a value differs by $worst") // false for NaN
}
