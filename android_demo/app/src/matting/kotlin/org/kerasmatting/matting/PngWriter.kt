package org.kerasmatting.matting

import java.io.Closeable
import java.io.OutputStream
import java.util.zip.CRC32
import java.util.zip.Deflater

/**
 * Writes a PNG with transparency strip by strip, so that a 100-megapixel photo never has to be in memory as
 * a whole, as `Bitmap.compress` would require.
 */
class PngWriter(private val out: OutputStream, private val width: Int, private val height: Int) : Closeable {
    private val deflater = Deflater(6)
    private val line = ByteArray(1 + 4 * width)
    private val above = ByteArray(4 * width)
    private val packed = ByteArray(1 shl 16)
    private var written = 0

    /** Writes what comes before the first row. */
    private fun start() {
        out.write(byteArrayOf(-119, 80, 78, 71, 13, 10, 26, 10))
        val header = ByteArray(13)
        int(width).copyInto(header, 0)
        int(height).copyInto(header, 4)
        header[8] = 8 // bits per channel
        header[9] = 6 // red, green, blue, alpha
        chunk("IHDR", header, header.size)
    }

    /** Writes the next [count] rows, ARGB, not premultiplied. */
    fun rows(pixels: IntArray, count: Int) {
        if (written == 0) start()
        check(written + count <= height) { "The PNG has $height rows, not ${written + count}." }
        for (y in 0 until count) row(pixels, y * width)
        written += count
    }

    private fun row(pixels: IntArray, offset: Int) {
        line[0] = 2 // filter type: difference from the row above
        for (x in 0 until width) {
            val pixel = pixels[offset + x]
            put(4 * x, pixel shr 16)
            put(4 * x + 1, pixel shr 8)
            put(4 * x + 2, pixel)
            put(4 * x + 3, pixel ushr 24)
        }
        deflater.setInput(line)
        while (!deflater.needsInput()) drain()
    }

    private fun put(at: Int, value: Int) {
        line[1 + at] = (value - above[at]).toByte()
        above[at] = value.toByte()
    }

    private fun drain() {
        val count = deflater.deflate(packed)
        if (count > 0) chunk("IDAT", packed, count)
    }

    /** Completes the file. Throws IllegalStateException if rows are missing. */
    fun finish() {
        check(written == height) { "The PNG has $height rows, but only $written were written." }
        deflater.finish()
        while (!deflater.finished()) drain()
        chunk("IEND", packed, 0)
    }

    /** Frees memory and closes [out], also of an incomplete file. */
    override fun close() = out.use { deflater.end() }

    private fun chunk(name: String, data: ByteArray, count: Int) {
        val type = name.toByteArray(Charsets.US_ASCII)
        val crc = CRC32()
        crc.update(type)
        crc.update(data, 0, count)
        out.write(int(count))
        out.write(type)
        out.write(data, 0, count)
        out.write(int(crc.value.toInt()))
    }

    private fun int(value: Int) =
        byteArrayOf((value shr 24).toByte(), (value shr 16).toByte(), (value shr 8).toByte(), value.toByte())
}
