package org.kerasmatting.matting

import java.nio.ByteBuffer
import java.nio.ByteOrder

/** The signature and metadata of a .tflite file, read without an interpreter. */
class Signature(
    val key: String,
    val inputs: List<String>,
    val outputs: List<String>,
    val runtimeVersion: String?,
    /** The description in the TFLite metadata. */
    val description: String?,
    /** True if the file has a checksum, which is verified before anything else is read. */
    val isVerified: Boolean,
) {
    companion object {
        /** Number of bytes that [checkStart] needs. */
        const val START = 8

        /** Throws UnusableFile unless [file], called [name], begins like a .tflite file. */
        fun checkStart(file: ByteBuffer, name: String) {
            if (file.limit() < START || !(0 until 4).all { file.get(4 + it).toInt().toChar() == "TFL3"[it] }) {
                throw UnusableFile(Problem.NOT_TFLITE, name)
            }
        }

        /** Throws UnusableFile if [file], called [name], is damaged or does not have exactly one signature. */
        fun of(file: ByteBuffer, name: String): Signature {
            val buffer = file.duplicate().order(ByteOrder.LITTLE_ENDIAN)
            buffer.rewind()
            checkStart(buffer, name)
            val isVerified = verifyChecksum(buffer, name)
            try {
                return read(buffer, name, isVerified)
            } catch (error: RuntimeException) {
                throw UnusableFile(Reason(Problem.DAMAGED, name), error)
            }
        }

        // Slots of the tables Model, SignatureDef, TensorMap and Metadata in TFLite's schema, and of ModelMetadata.
        private fun read(buffer: ByteBuffer, name: String, isVerified: Boolean): Signature {
            val model = Table(buffer, buffer.getInt(0))
            val signatures = model.tables(7)
            if (signatures.size != 1) {
                throw UnusableFile(Problem.SIGNATURES, name, signatures.size)
            }
            val (signature) = signatures
            return Signature(
                key = signature.text(2) ?: "",
                inputs = signature.tables(0).map { it.text(0) ?: "" },
                outputs = signature.tables(1).map { it.text(0) ?: "" },
                runtimeVersion = metadata(model, "min_runtime_version")?.text(0)?.trimEnd('\u0000', ' '),
                description = metadata(model, "TFLITE_METADATA")?.root(0)?.text(1),
                isVerified = isVerified,
            )
        }

        /** Returns the metadata buffer called [name]. */
        private fun metadata(model: Table, name: String): Table? =
            model.tables(6).firstOrNull { it.text(0) == name }?.let { model.tables(4)[it.int(1)] }
    }
}

/** A FlatBuffers table at [position]; fields are addressed by slot, absent ones are null, zero or empty. */
private class Table(private val buffer: ByteBuffer, private val position: Int) {
    private val fields = position - buffer.getInt(position)

    private fun field(slot: Int): Int? {
        val entry = 4 + 2 * slot
        if (entry >= buffer.getShort(fields)) return null
        val offset = buffer.getShort(fields + entry).toInt() and 0xFFFF
        return if (offset == 0) null else position + offset
    }

    private fun target(field: Int) = field + buffer.getInt(field)

    fun int(slot: Int): Int = field(slot)?.let { buffer.getInt(it) } ?: 0

    fun text(slot: Int): String? {
        val start = target(field(slot) ?: return null)
        val length = buffer.getInt(start)
        require(length in 0..buffer.limit())
        return String(ByteArray(length) { buffer.get(start + 4 + it) }, Charsets.UTF_8)
    }

    /** The root of the FlatBuffer nested in a vector of bytes. */
    fun root(slot: Int): Table? = field(slot)?.let { Table(buffer, target(target(it) + 4)) }

    fun tables(slot: Int): List<Table> {
        val start = target(field(slot) ?: return emptyList())
        val count = buffer.getInt(start)
        require(count in 0..buffer.limit() / 4)
        return List(count) { Table(buffer, target(start + 4 + 4 * it)) }
    }
}
