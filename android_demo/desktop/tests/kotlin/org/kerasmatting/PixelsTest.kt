package org.kerasmatting

import java.io.ByteArrayInputStream
import java.io.ByteArrayOutputStream
import java.io.IOException
import java.io.OutputStream
import java.nio.ByteBuffer
import java.util.Random
import javax.imageio.ImageIO
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.CsvSource
import org.junit.jupiter.params.provider.ValueSource
import org.kerasmatting.matting.AlphaTensor
import org.kerasmatting.matting.BlurredBackground
import org.kerasmatting.matting.CameraFrame
import org.kerasmatting.matting.Encoding
import org.kerasmatting.matting.InputTensor
import org.kerasmatting.matting.Letterbox
import org.kerasmatting.matting.NumberType
import org.kerasmatting.matting.PngWriter
import org.kerasmatting.matting.Refinement
import org.kerasmatting.matting.Resize
import org.kerasmatting.matting.Smoothing
import org.kerasmatting.matting.YuvPlane
import org.kerasmatting.matting.argb
import org.kerasmatting.matting.composeOver
import org.kerasmatting.matting.cover
import org.kerasmatting.matting.cutOut
import org.kerasmatting.matting.greyOf
import org.kerasmatting.matting.toTrimap
import org.kerasmatting.matting.uprightTurn

/** Compares every step from the camera to the screen with OpenCV and NumPy. */
class PixelsTest {
    private val picture = Fixture("picture")
    private val alpha = Fixture("alpha")

    @ParameterizedTest
    @ValueSource(strings = ["area", "half", "linear", "mixed"])
    fun `resizes like OpenCV`(kind: String) {
        val expected = Fixture("resized_$kind")
        val resize = Resize(picture.width, picture.height, expected.width, expected.height)
        val found = IntArray(expected.width * expected.height)
        repeat(2) { resize.colours(picture.pixels, found) } // the second time with a used cache
        assertPixels(expected.pixels, found)

        val plane = FloatArray(found.size)
        resize.plane(alpha.floats, plane)
        assertFloats(Fixture("resized_alpha_$kind").floats, plane, 1e-5f)
    }

    @ParameterizedTest
    @ValueSource(strings = ["wide", "tall", "narrow"])
    fun `fits pictures into a model's size like Python`(kind: String) {
        val source = Fixture("letterbox_$kind")
        val expected = Fixture("letterboxed_$kind")
        val letterbox = Letterbox(source.width, source.height, expected.width, expected.height)
        val boxed = IntArray(expected.width * expected.height)
        letterbox.fill(source.pixels, boxed)
        assertPixels(expected.pixels, boxed)
        assertArrayEquals(
            Fixture("letterbox_inside_$kind").integers,
            intArrayOf(letterbox.top, letterbox.left, letterbox.innerHeight, letterbox.innerWidth),
        )
        val numbered = FloatArray(boxed.size) { it.toFloat() }
        val cut = FloatArray(letterbox.innerWidth * letterbox.innerHeight)
        letterbox.cut(numbered, cut)
        assertEquals((letterbox.top * letterbox.width + letterbox.left).toFloat(), cut.first())
        val lastRow = letterbox.top + letterbox.innerHeight - 1
        assertEquals((lastRow * letterbox.width + letterbox.left + letterbox.innerWidth - 1).toFloat(), cut.last())
    }

    @Test
    fun `a byte becomes an int8 by subtracting 128`() {
        val tensor = InputTensor(Encoding(NumberType.INT8, 1 / 255f, -128), 16, 16, 3)
        tensor.fill(IntArray(256) { argb(it, 255 - it, it) })
        val expected = Fixture("byte_as_int8").bytes
        for (i in 0 until 256) {
            assertEquals(expected[i], tensor.buffer.get(3 * i))
            assertEquals(expected[255 - i], tensor.buffer.get(3 * i + 1))
        }
    }

    @Test
    fun `other types hold the same values`() {
        val greys = IntArray(256) { argb(it, it, it) }
        val float = InputTensor(Encoding(NumberType.FLOAT32), 16, 16, 1).apply { fill(greys) }.buffer
        val short = InputTensor(Encoding(NumberType.INT16, 1 / 32767f, 0), 16, 16, 1).apply { fill(greys) }.buffer
        val unsigned = InputTensor(Encoding(NumberType.UINT8, 1 / 127f, 3), 16, 16, 1).apply { fill(greys) }.buffer
        for (i in 0 until 256) {
            assertEquals(i / 255f, float.getFloat(4 * i))
            assertEquals(i / 255.0, short.getShort(2 * i) / 32767.0, 0.5001 / 32767)
            assertEquals(Math.rint(i / 255.0 * 127).toInt() + 3, unsigned.get(i).toInt() and 255)
        }
        assertThrows(IllegalArgumentException::class.java) { Encoding(NumberType.INT8) }
    }

    @Test
    fun `an int8 alpha is stretched from 255 256ths to 1`() {
        val tensor = AlphaTensor(Encoding(NumberType.INT8, 1 / 256f, -128), 256)
        for (i in 0 until 256) tensor.buffer.put(i, (i - 128).toByte())
        val found = FloatArray(256)
        tensor.read(found)
        assertFloats(Fixture("int8_as_alpha").floats, found, 1e-7f)
        assertEquals(1f, found.last())
    }

    @Test
    fun `a float alpha is clipped for pictures only`() {
        val tensor = AlphaTensor(Encoding(NumberType.FLOAT32), 3)
        listOf(-0.5f, 0.25f, 1.5f).forEachIndexed { i, value -> tensor.buffer.putFloat(4 * i, value) }
        val found = FloatArray(3)
        tensor.read(found)
        assertArrayEquals(floatArrayOf(0f, 0.25f, 1f), found)
        tensor.read(found, clipped = false)
        assertArrayEquals(floatArrayOf(-0.5f, 0.25f, 1.5f), found)
    }

    @Test
    fun `an int16 alpha ends at 1`() {
        val tensor = AlphaTensor(Encoding(NumberType.INT16, 1 / 32768f, 0), 2)
        tensor.buffer.putShort(0, 32767).putShort(2, 16384)
        val found = FloatArray(2)
        tensor.read(found)
        assertFloats(floatArrayOf(1f, 0.5f), found, 2e-5f)
    }

    @Test
    fun `refines along edges like the guided filter in float64, as a whole and in strips`() {
        val guide = Fixture("guide")
        val refinement = Refinement(guide.width, guide.height, radius = 2, epsilon = 1e-4f)
        val enlarged = refinement.Enlarged(picture.width, picture.height)
        val expected = Fixture("refined").floats
        val found = FloatArray(expected.size)
        for (stripHeight in listOf(picture.height, 7)) {
            refinement.fit(guide.pixels, Fixture("guide_alpha").floats)
            enlarged.start()
            found.fill(-1f)
            for (top in 0 until picture.height step stripHeight) {
                val rows = minOf(stripHeight, picture.height - top)
                val range = top * picture.width until (top + rows) * picture.width
                val strip = FloatArray(rows * picture.width)
                enlarged.rows(picture.pixels.sliceArray(range), top, rows, strip)
                strip.copyInto(found, range.first)
            }
            assertFloats(expected, found, 1 / 255f)
        }
    }

    @Test
    fun `composes like NumPy`() {
        val background = Fixture("background").pixels
        val found = IntArray(background.size)
        composeOver(picture.pixels, alpha.floats, background, found)
        assertPixels(Fixture("composed").pixels, found)
        composeOver(picture.pixels, FloatArray(found.size), argb(1, 2, 3), found)
        assertTrue(found.all { it == argb(1, 2, 3) })
    }

    @Test
    fun `a cut-out keeps the colours and takes alpha as opacity`() {
        val found = IntArray(3)
        cutOut(intArrayOf(argb(10, 20, 30), argb(40, 50, 60), argb(7, 8, 9)), floatArrayOf(0f, 0.5f, 1f), found)
        assertArrayEquals(intArrayOf(0x000A141E, 0x80.shl(24) or 0x28323C, argb(7, 8, 9)), found)
        greyOf(floatArrayOf(0f, 0.5f, 1f), found)
        assertArrayEquals(intArrayOf(argb(0, 0, 0), argb(128, 128, 128), argb(255, 255, 255)), found)
    }

    @Test
    fun `blurs the background without the subject like NumPy`() {
        val found = IntArray(picture.width * picture.height)
        BlurredBackground(picture.width, picture.height, 3).blur(picture.pixels, alpha.floats, found)
        assertPixels(Fixture("blurred").pixels, found)
    }

    @Test
    fun `a background picture is cropped around its centre`() {
        val wide = IntArray(6 * 2) { argb(it % 6, 0, 0) }
        assertArrayEquals(intArrayOf(argb(2, 0, 0), argb(3, 0, 0), argb(2, 0, 0), argb(3, 0, 0)), cover(wide, 6, 2, 2, 2))
    }

    @Test
    fun `a trimap gets three levels, and mixtures become unknown`() {
        val greys = intArrayOf(0, 63, 64, 128, 191, 192, 255).map { argb(it, it, it) }.toIntArray()
        toTrimap(greys)
        assertArrayEquals(intArrayOf(0, 0, 128, 128, 128, 255, 255), greys.map { it and 255 }.toIntArray())
    }

    @ParameterizedTest
    @CsvSource("0, false", "90, false", "180, false", "270, false", "0, true", "90, true", "180, true", "270, true")
    fun `camera frames are converted upright with the right colours`(turn: Int, mirrored: Boolean) {
        val expected = Fixture("camera_colours")
        val (width, height) = expected.width to expected.height
        val chromaWidth = Fixture("camera_u").width
        // Planes as phones deliver them: padded rows, interleaved u and v.
        val luma = YuvPlane(width + 6, 1, (width + 6) * height)
        val u = YuvPlane(2 * chromaWidth + 4, 2, (2 * chromaWidth + 4) * (height / 2))
        val v = YuvPlane(u.rowStride, 2, u.bytes.size)
        luma.read(ByteBuffer.wrap(spread(Fixture("camera_y"), luma)))
        u.read(ByteBuffer.wrap(spread(Fixture("camera_u"), u)))
        v.read(ByteBuffer.wrap(spread(Fixture("camera_v"), v)))

        val frame = CameraFrame(width, height, turn, mirrored)
        val found = IntArray(width * height)
        frame.upright(luma, u, v, found)
        val w = frame.uprightWidth
        val h = frame.uprightHeight
        val source = expected.pixels
        val upright = IntArray(w * h) {
            val x = if (mirrored) w - 1 - it % w else it % w
            val y = it / w
            // The source of this pixel under a clockwise rotation.
            when (turn) {
                0 -> source[y * width + x]
                90 -> source[(height - 1 - x) * width + y]
                180 -> source[(height - 1 - y) * width + width - 1 - x]
                else -> source[x * width + width - 1 - y]
            }
        }
        assertPixels(upright, found)
    }

    private fun spread(plane: Fixture, layout: YuvPlane) = ByteArray(layout.bytes.size).also {
        for (y in 0 until plane.height) for (x in 0 until plane.width) {
            it[y * layout.rowStride + x * layout.pixelStride] = plane.bytes[y * plane.width + x]
        }
    }

    /** From Android's documentation of SENSOR_ORIENTATION, for the usual 90 (back) and 270 (front). */
    @ParameterizedTest
    @CsvSource("90, 0, false, 90", "90, 90, false, 0", "90, 270, false, 180", "270, 0, true, 270", "270, 90, true, 0")
    fun `the rotation of frames follows the display`(sensor: Int, display: Int, isFront: Boolean, expected: Int) {
        assertEquals(expected, uprightTurn(sensor, display, isFront))
    }

    @Test
    fun `smoothing damps flicker, follows motion and can be reset`() {
        val smoothing = Smoothing(2, still = 0.25f, motion = 0.5f)
        val alpha = floatArrayOf(0.5f, 0f)
        smoothing.smooth(alpha)
        assertArrayEquals(floatArrayOf(0.5f, 0f), alpha)
        alpha[0] = 0.6f
        alpha[1] = 1f
        smoothing.smooth(alpha)
        assertArrayEquals(floatArrayOf(0.5f + (0.25f + 0.75f * 0.2f) * 0.1f, 1f), alpha, 1e-6f)
        smoothing.reset()
        alpha.fill(0f)
        smoothing.smooth(alpha)
        assertArrayEquals(floatArrayOf(0f, 0f), alpha)
    }

    @Test
    fun `smooths a video like Python`() {
        val frames = Fixture("flicker")
        val expected = Fixture("smoothed")
        val smoothing = Smoothing(frames.width)
        for (frame in 0 until frames.height) {
            val row = frame * frames.width until (frame + 1) * frames.width
            val alpha = frames.floats.sliceArray(row)
            smoothing.smooth(alpha)
            assertFloats(expected.floats.sliceArray(row), alpha, 1e-6f)
        }
    }

    @Test
    fun `a PNG written in strips is read back pixel by pixel`() {
        val random = Random(1)
        val (width, height) = 301 to 97
        val pixels = IntArray(width * height) { random.nextInt() }
        val out = ByteArrayOutputStream()
        PngWriter(out, width, height).use { png ->
            for (top in 0 until height step 40) {
                val rows = minOf(40, height - top)
                png.rows(pixels.sliceArray(top * width until (top + rows) * width), rows)
            }
            png.finish()
        }
        val image = ImageIO.read(ByteArrayInputStream(out.toByteArray()))
        assertArrayEquals(pixels, image.getRGB(0, 0, width, height, null, 0, width))
    }

    @Test
    fun `a PNG with too few or too many rows is an error`() {
        val png = PngWriter(ByteArrayOutputStream(), 2, 2)
        png.rows(IntArray(2), 1)
        assertThrows(IllegalStateException::class.java) { png.finish() }
        assertThrows(IllegalStateException::class.java) { PngWriter(ByteArrayOutputStream(), 1, 1).rows(IntArray(2), 2) }
    }

    @ParameterizedTest
    @ValueSource(ints = [0, 20, 60])
    fun `a PNG closes its stream on a full disk`(space: Int) {
        var isClosed = false
        val out = object : OutputStream() {
            private var left = space

            override fun write(byte: Int) {
                if (left-- == 0) throw IOException("No space left on device")
            }

            override fun close() {
                isClosed = true
            }
        }
        assertThrows(IOException::class.java) {
            PngWriter(out, 2, 2).use {
                it.rows(IntArray(4), 2)
                it.finish()
            }
        }
        assertTrue(isClosed)
    }

    @Test
    fun `strips of a resized picture are those of the whole`() {
        val resize = Resize(picture.width, picture.height, 101, 80)
        val whole = IntArray(101 * 80).also { resize.colours(picture.pixels, it) }
        for ((top, count) in listOf(0 to 33, 33 to 47)) {
            val strip = IntArray(101 * count).also { resize.colours(picture.pixels, it, top, count) }
            assertArrayEquals(whole.copyOfRange(101 * top, 101 * (top + count)), strip)
        }
    }
}
