package org.kerasmatting.matting

import java.nio.ByteBuffer
import java.nio.ByteOrder

/** Why a file cannot be used, in one sentence for the person who chose it. */
class UnusableFile(message: String, cause: Throwable? = null) : Exception(message, cause)

/** What a .tflite file says of itself, read before an interpreter sees it. */
class Signature(val key: String, val inputs: List<String>, val outputs: List<String>, val runtimeVersion: String?) {
    companion object {
        /** Raises UnusableFile where [file], named [name], has no single signature. */
        fun of(file: ByteBuffer, name: String): Signature {
            val buffer = file.duplicate().order(ByteOrder.LITTLE_ENDIAN)
            buffer.rewind()
            if (buffer.limit() < 8 || !(0 until 4).all { buffer.get(4 + it).toInt().toChar() == "TFL3"[it] }) {
                throw UnusableFile("$name is no .tflite file.")
            }
            try {
                return read(buffer, name)
            } catch (error: RuntimeException) {
                throw UnusableFile("$name is damaged; copy it to the phone again.", error)
            }
        }

        // Fields of the tables Model, SignatureDef, TensorMap and Metadata of TFLite's schema.
        private fun read(buffer: ByteBuffer, name: String): Signature {
            val model = Table(buffer, buffer.getInt(0))
            val signatures = model.tables(7)
            if (signatures.size != 1) {
                throw UnusableFile("$name has ${signatures.size} signatures instead of one; export it with export.convert.")
            }
            val (signature) = signatures
            return Signature(
                key = signature.text(2) ?: "",
                inputs = signature.tables(0).map { it.text(0) ?: "" },
                outputs = signature.tables(1).map { it.text(0) ?: "" },
                runtimeVersion = runtimeVersion(model),
            )
        }

        private fun runtimeVersion(model: Table): String? {
            val entry = model.tables(6).firstOrNull { it.text(0) == "min_runtime_version" } ?: return null
            return model.tables(4)[entry.int(1)].text(0)?.trimEnd('\u0000', ' ')
        }
    }
}

/** A FlatBuffers table at [position]: fields are found by number, absent ones are null or empty. */
private class Table(private val buffer: ByteBuffer, private val position: Int) {
    private val fields = position - buffer.getInt(position)

    private fun field(number: Int): Int? {
        val entry = 4 + 2 * number
        if (entry >= buffer.getShort(fields)) return null
        val offset = buffer.getShort(fields + entry).toInt() and 0xFFFF
        return if (offset == 0) null else position + offset
    }

    private fun target(field: Int) = field + buffer.getInt(field)

    fun int(number: Int): Int = field(number)?.let { buffer.getInt(it) } ?: 0

    fun text(number: Int): String? {
        val start = target(field(number) ?: return null)
        val length = buffer.getInt(start)
        require(length in 0..buffer.limit())
        return String(ByteArray(length) { buffer.get(start + 4 + it) }, Charsets.UTF_8)
    }

    fun tables(number: Int): List<Table> {
        val start = target(field(number) ?: return emptyList())
        val count = buffer.getInt(start)
        require(count in 0..buffer.limit() / 4)
        return List(count) { Table(buffer, target(start + 4 + 4 * it)) }
    }
}
