package org.kerasmatting.matting

import java.nio.ByteBuffer
import java.security.MessageDigest

/** In a buffer of the file's metadata; the 32 bytes of the checksum follow. */
private val MARKER = "keras_matting SHA-256: ".toByteArray(Charsets.US_ASCII)
private const val BYTES = 32

/**
 * Compares a .tflite file, called [name], with the checksum in its metadata: the SHA-256 of the whole file
 * with the checksum itself set to zero. Returns false if it has none, like files of other converters;
 * throws UnusableFile if they differ.
 *
 * The checksum is found by its marker and not through the file's tables, which may be damaged themselves.
 */
fun verifyChecksum(file: ByteBuffer, name: String): Boolean {
    val start = markerEnd(file) ?: return false
    val expected = ByteArray(BYTES) { if (start + it < file.limit()) file.get(start + it) else 0 }
    if (!MessageDigest.isEqual(expected, sha256(file, start))) {
        throw UnusableFile(Problem.CHECKSUM, name)
    }
    return true
}

private fun markerEnd(file: ByteBuffer): Int? {
    var matched = 0
    for (i in 0 until file.limit()) {
        val byte = file.get(i)
        // A mismatch can only restart the marker, since its first byte occurs in it once.
        matched = if (byte == MARKER[matched]) matched + 1 else if (byte == MARKER[0]) 1 else 0
        if (matched == MARKER.size) return i + 1
    }
    return null
}

/** Hashes [file] with [BYTES] bytes from [zeroed] on read as zero. */
private fun sha256(file: ByteBuffer, zeroed: Int): ByteArray {
    val digest = MessageDigest.getInstance("SHA-256")
    val part = file.duplicate()
    part.position(0)
    part.limit(zeroed)
    digest.update(part)
    digest.update(ByteArray(BYTES))
    part.limit(file.limit())
    part.position(minOf(zeroed + BYTES, file.limit()))
    digest.update(part)
    return digest.digest()
}
