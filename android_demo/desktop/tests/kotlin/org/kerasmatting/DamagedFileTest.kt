package org.kerasmatting

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.ValueSource
import org.kerasmatting.inference.MattingModel
import org.kerasmatting.inference.Processor
import org.kerasmatting.matting.Problem
import org.kerasmatting.matting.Signature
import org.kerasmatting.matting.UnusableFile

/** Files whose checksum Python computed, intact and damaged; see tools/fixtures.py. */
class DamagedFileTest {
    private val intact = bytes("checksum.tflite")

    @Test
    fun `an intact file is verified and runs`() {
        open(intact).use { model ->
            assertTrue(model.isVerified)
            model.inputs.getValue("image").fill(IntArray(64) { 0x336699 })
            model.run()
            val alpha = FloatArray(64)
            model.alpha.read(alpha)
            assertFloats(FloatArray(64) { 0x66 / 255f }, alpha, 1e-6f)
        }
    }

    @Test
    fun `a file without a checksum runs and is not verified`() {
        open(withoutChecksum(intact)).use { assertFalse(it.isVerified) }
    }

    @ParameterizedTest
    @ValueSource(ints = [0x01, 0x80, 0xFF])
    fun `every changed byte is noticed`(mask: Int) {
        val marker = String(intact, Charsets.ISO_8859_1).indexOf(MARKER)
        for (position in intact.indices) {
            val changed = intact.copyOf().also { it[position] = (it[position].toInt() xor mask).toByte() }
            if (position in marker until marker + MARKER.length) { // looks like a file without a checksum
                assertFalse(Signature.of(direct(changed), "file.tflite").isVerified)
            } else {
                val error = assertThrows(UnusableFile::class.java, { Signature.of(direct(changed), "file.tflite") }, "byte $position")
                assertEquals(if (position in 4..7) Problem.NOT_TFLITE else Problem.CHECKSUM, error.reason.problem)
            }
        }
    }

    @Test
    fun `a longer or shorter file is refused`() {
        val marker = String(intact, Charsets.ISO_8859_1).indexOf(MARKER)
        for (damaged in listOf(intact + 0, intact.copyOf(intact.size - 1), intact.copyOf(marker + MARKER.length + 5))) {
            val error = assertThrows(UnusableFile::class.java) { open(damaged).close() }
            assertEquals("CHECKSUM: file.tflite", error.message)
        }
    }

    @Test
    fun `a tensor type unknown to the interpreter is refused`() {
        val error = assertThrows(UnusableFile::class.java) { open(bytes("complex_image.tflite")).close() }
        assertTrue(error.message!!.startsWith("UNUSABLE: file.tflite, "), error.message)
    }

    private fun open(bytes: ByteArray) = MattingModel.open("file.tflite", direct(bytes), Processor("CPU", 1))

    private fun bytes(name: String) = File(System.getProperty("fixtures"), name).readBytes()

    private fun direct(bytes: ByteArray): ByteBuffer =
        ByteBuffer.allocateDirect(bytes.size).order(ByteOrder.nativeOrder()).put(bytes)
}

private const val MARKER = "keras_matting SHA-256: "

/** Hides the file's checksum, if it has one. */
fun withoutChecksum(file: ByteArray): ByteArray =
    String(file, Charsets.ISO_8859_1).replace(MARKER, MARKER.lowercase()).toByteArray(Charsets.ISO_8859_1)
