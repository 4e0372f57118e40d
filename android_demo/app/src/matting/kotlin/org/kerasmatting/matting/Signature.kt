package org.kerasmatting.matting

import java.nio.ByteBuffer
import java.nio.ByteOrder

/** Why a file cannot be used, in one sentence for the person who chose it. */
open class UnusableFile(message: String, cause: Throwable? = null) : Exception(message, cause)

/** What a .tflite file says of itself, read before an interpreter sees it. */
class Signature(
    val key: String,
    val inputs: List<String>,
    val outputs: List<String>,
    val runtimeVersion: String?,
    /** Of its TFLite metadata, for people. */
    val description: String?,
) {
    companion object {
        /** How many bytes [checkStart] wants. */
        const val START = 8

        /** Raises UnusableFile where a file, named [name], does not begin as a .tflite file does. */
        fun checkStart(file: ByteBuffer, name: String) {
            if (file.limit() < START || !(0 until 4).all { file.get(4 + it).toInt().toChar() == "TFL3"[it] }) {
                throw UnusableFile("$name is no .tflite file.")
            }
        }

        /** Raises UnusableFile where [file], named [name], has no single signature. */
        fun of(file: ByteBuffer, name: String): Signature {
            val buffer = file.duplicate().order(ByteOrder.LITTLE_ENDIAN)
            buffer.rewind()
            checkStart(buffer, name)
            try {
                return read(buffer, name)
            } catch (error: RuntimeException) {
                throw UnusableFile("$name is damaged; copy it to the phone again.", error)
            }
        }

        // Fields of the tables Model, SignatureDef, TensorMap and Metadata of TFLite's schema, and of ModelMetadata.
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
                runtimeVersion = metadata(model, "min_runtime_version")?.text(0)?.trimEnd('\u0000', ' '),
                description = metadata(model, "TFLITE_METADATA")?.root(0)?.text(1),
            )
        }

        /** The buffer that the file holds under a name. */
        private fun metadata(model: Table, name: String): Table? =
            model.tables(6).firstOrNull { it.text(0) == name }?.let { model.tables(4)[it.int(1)] }
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

    /** Of the FlatBuffer that lies in a vector of bytes. */
    fun root(number: Int): Table? = field(number)?.let { Table(buffer, target(target(it) + 4)) }

    fun tables(number: Int): List<Table> {
        val start = target(field(number) ?: return emptyList())
        val count = buffer.getInt(start)
        require(count in 0..buffer.limit() / 4)
        return List(count) { Table(buffer, target(start + 4 + 4 * it)) }
    }
}
