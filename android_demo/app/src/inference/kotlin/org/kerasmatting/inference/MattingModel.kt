package org.kerasmatting.inference

import java.io.Closeable
import java.nio.ByteBuffer
import org.kerasmatting.matting.AlphaTensor
import org.kerasmatting.matting.Encoding
import org.kerasmatting.matting.InputTensor
import org.kerasmatting.matting.NumberType
import org.kerasmatting.matting.Signature
import org.kerasmatting.matting.UnusableFile
import org.tensorflow.lite.DataType
import org.tensorflow.lite.Delegate
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor

/** Where a file runs: on the CPU, or through a delegate that is made anew for every file. */
class Processor(val name: String, val threads: Int, val makeDelegate: (() -> Delegate)? = null)

/** A delegate did not take a file, or failed on it; the message says why. */
class RefusedByDelegate(message: String, cause: Throwable?) : UnusableFile(message, cause)

/**
 * A .tflite file image (+ trimap) (+ background) -> alpha, with sizes, types and quantisation as the
 * file itself says. To be used on the thread that opened it, as a GPU delegate demands.
 *
 * Fill [inputs], [run], read [alpha]. Nothing is allocated by us between.
 */
class MattingModel private constructor(
    val name: String,
    val processor: Processor,
    private val signature: Signature,
    private val interpreter: Interpreter,
    private val delegate: Delegate?,
) : Closeable {
    val width: Int
    val height: Int
    val type: NumberType

    /** What the file's metadata say it is. */
    val description: String? get() = signature.description

    /** Whether the file carries a checksum, which then has been verified. */
    val isVerified: Boolean get() = signature.isVerified

    /** By the signature's names. */
    val inputs: Map<String, InputTensor>
    val alpha: AlphaTensor

    /** What the person should know although the file runs; null where all is as asked for. */
    val notice: String?

    private val buffers: Map<String, ByteBuffer>
    private val inputBuffers: Array<ByteBuffer>
    private val outputs: Map<String, ByteBuffer>

    init {
        val tensors = signature.inputs.associateWith { interpreter.getInputTensorFromSignature(it, signature.key) }
        for (input in tensors.keys - CHANNELS.keys) {
            throw UnusableFile("$name wants a $input, which this app does not know; it brings ${CHANNELS.keys.joinToString()}.")
        }
        val image = tensors["image"] ?: throw UnusableFile("$name takes no image.")
        for ((input, tensor) in tensors) checkShape(input, tensor, image)
        if ("alpha" !in signature.outputs) {
            throw UnusableFile("$name gives ${signature.outputs.joinToString()} and no alpha.")
        }
        val alphaTensor = interpreter.getOutputTensorFromSignature("alpha", signature.key)
        height = image.shape()[1]
        width = image.shape()[2]
        if (!alphaTensor.shape().contentEquals(intArrayOf(1, height, width, 1))) {
            throw UnusableFile("$name gives an alpha of another size than its image.")
        }
        val encoding = encoding("alpha", alphaTensor)
        type = encoding.type
        inputs = tensors.mapValues { (input, tensor) ->
            InputTensor(encoding(input, tensor), width, height, CHANNELS.getValue(input))
        }
        alpha = AlphaTensor(encoding, width * height)
        buffers = inputs.mapValues { it.value.buffer }
        inputBuffers = buffers.values.toTypedArray()
        outputs = mapOf("alpha" to alpha.buffer)
        notice = delegate?.let { partlyDelegated() }
    }

    /**
     * Reads the input tensors' buffers, writes that of [alpha]. UnusableFile: the file fails here, as on a
     * GPU that had taken it.
     */
    fun run() {
        for (buffer in inputBuffers) buffer.rewind()
        alpha.buffer.rewind()
        try {
            interpreter.runSignature(buffers, outputs, signature.key)
        } catch (error: RuntimeException) {
            val message = "${processor.name} FAILED to run $name: ${reason(error)}"
            throw if (delegate == null) UnusableFile(message, error) else RefusedByDelegate(message, error)
        }
    }

    override fun close() {
        interpreter.close()
        release(delegate)
    }

    private fun checkShape(input: String, tensor: Tensor, image: Tensor) {
        val shape = tensor.shape()
        if (tensor.shapeSignature().any { it < 0 }) {
            throw UnusableFile("$name leaves the size of its $input open; export it with a --size.")
        }
        val channels = CHANNELS.getValue(input)
        val expected = intArrayOf(1, image.shape().getOrElse(1) { 0 }, image.shape().getOrElse(2) { 0 }, channels)
        if (!shape.contentEquals(expected)) {
            throw UnusableFile("$name takes a $input of shape ${shape.joinToString("x")} instead of 1xHxWx$channels.")
        }
    }

    private fun encoding(end: String, tensor: Tensor): Encoding {
        val type = when (tensor.dataType()) {
            DataType.FLOAT32 -> return Encoding(NumberType.FLOAT32)
            DataType.INT8 -> NumberType.INT8
            DataType.UINT8 -> NumberType.UINT8
            DataType.INT16 -> NumberType.INT16
            else -> throw UnusableFile("$name has a $end of type ${tensor.dataType()}, which no format of ours has.")
        }
        val quantisation = tensor.quantizationParams()
        if (quantisation.scale <= 0f) throw UnusableFile("$name does not say how its $end is quantised.")
        return Encoding(type, quantisation.scale, quantisation.zeroPoint)
    }

    /** A delegate that took everything leaves one step; the public API does not tell, so ask inside. */
    private fun partlyDelegated(): String? {
        val steps = try {
            generateSequence<Class<*>>(interpreter.javaClass) { it.superclass }
                .firstNotNullOf { type -> type.declaredMethods.find { it.name == "getExecutionPlanLength" } }
                .apply { isAccessible = true }
                .invoke(interpreter) as Int
        } catch (_: ReflectiveOperationException) {
            return "${processor.name}: this runtime does not say whether all of $name runs there."
        } catch (_: NoSuchElementException) {
            return "${processor.name}: this runtime does not say whether all of $name runs there."
        }
        if (steps == 1) return null
        return "${processor.name} FELL BACK: $name is left in $steps steps instead of 1, a part of them on the CPU."
    }

    companion object {
        private val CHANNELS = mapOf("image" to 3, "trimap" to 1, "background" to 3)

        /**
         * [file] is a direct buffer, mapped for example, and must not change. UnusableFile where it is no
         * such file, RefusedByDelegate where it is, but not for the processor's delegate.
         */
        fun open(name: String, file: ByteBuffer, processor: Processor): MattingModel {
            val signature = Signature.of(file, name)
            var delegate: Delegate? = null
            var interpreter: Interpreter? = null
            try {
                delegate = makeDelegate(name, processor)
                interpreter = interpreter(name, signature, file, processor, delegate)
                return MattingModel(name, processor, signature, interpreter, delegate)
            } catch (error: Throwable) {
                interpreter?.close()
                release(delegate)
                if (error is RuntimeException) throw UnusableFile("$name cannot be used: ${reason(error)}", error)
                throw error
            }
        }

        private fun makeDelegate(name: String, processor: Processor): Delegate? = try {
            processor.makeDelegate?.invoke()
        } catch (error: Exception) {
            throw RefusedByDelegate("${processor.name} is not to be had for $name: ${reason(error)}", error)
        } catch (error: LinkageError) {
            throw RefusedByDelegate("${processor.name} is not part of this app: ${reason(error)}", error)
        }

        private fun interpreter(
            name: String, signature: Signature, file: ByteBuffer, processor: Processor, delegate: Delegate?,
        ): Interpreter {
            val options = Interpreter.Options()
            options.setNumThreads(processor.threads)
            delegate?.let { options.addDelegate(it) }
            file.rewind()
            try {
                return Interpreter(file, options)
            } catch (error: Exception) {
                if (delegate != null) throw RefusedByDelegate("${processor.name} REFUSED $name: ${reason(error)}", error)
                val wanted = signature.runtimeVersion?.let { ", it asks for version $it" } ?: ""
                throw UnusableFile("$name does not run in this app's TensorFlow Lite$wanted: ${reason(error)}", error)
            }
        }

        /** A delegate is closeable in some versions of TensorFlow Lite only. */
        private fun release(delegate: Any?) {
            (delegate as? AutoCloseable)?.close()
        }

        private fun reason(error: Throwable) =
            (error.message ?: error.javaClass.simpleName).lineSequence().first().take(200).trimEnd('.') + "."
    }
}
