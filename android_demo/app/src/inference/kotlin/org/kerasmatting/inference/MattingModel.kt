package org.kerasmatting.inference

import java.io.Closeable
import java.nio.ByteBuffer
import org.kerasmatting.matting.AlphaTensor
import org.kerasmatting.matting.Encoding
import org.kerasmatting.matting.InputTensor
import org.kerasmatting.matting.NumberType
import org.kerasmatting.matting.Problem
import org.kerasmatting.matting.Reason
import org.kerasmatting.matting.Signature
import org.kerasmatting.matting.UnusableFile
import org.tensorflow.lite.DataType
import org.tensorflow.lite.Delegate
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor

/** Where a model runs: on the CPU or through a delegate, which is created anew for each model. */
class Processor(val name: String, val threads: Int, val makeDelegate: (() -> Delegate)? = null)

/** A delegate rejected a model or failed to run it. */
class RefusedByDelegate(reason: Reason, cause: Throwable?) : UnusableFile(reason, cause)

/**
 * A .tflite model: image (+ trimap) (+ background) -> alpha. Sizes, types and quantisation are read from the
 * file. Use it only on the thread that opened it, as GPU delegates require.
 *
 * Fill [inputs], call [run], read [alpha]. Apart from the interpreter, nothing is allocated per run.
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

    /** The description in the file's metadata. */
    val description: String? get() = signature.description

    /** True if the file has a checksum, which is verified before anything else is read. */
    val isVerified: Boolean get() = signature.isVerified

    /** Input tensors by name. */
    val inputs: Map<String, InputTensor>
    val alpha: AlphaTensor

    /** A warning for the user if the model runs, but not entirely on the requested processor. */
    val notice: Reason?

    private val buffers: Map<String, ByteBuffer>
    private val inputBuffers: Array<ByteBuffer>
    private val outputs: Map<String, ByteBuffer>

    init {
        val tensors = signature.inputs.associateWith { interpreter.getInputTensorFromSignature(it, signature.key) }
        for (input in tensors.keys - CHANNELS.keys) {
            throw UnusableFile(Problem.UNKNOWN_INPUT, name, input, CHANNELS.keys.joinToString())
        }
        val image = tensors["image"] ?: throw UnusableFile(Problem.NO_IMAGE, name)
        for ((input, tensor) in tensors) checkShape(input, tensor, image)
        if ("alpha" !in signature.outputs) throw UnusableFile(Problem.NO_ALPHA, name, signature.outputs.joinToString())
        val alphaTensor = interpreter.getOutputTensorFromSignature("alpha", signature.key)
        height = image.shape()[1]
        width = image.shape()[2]
        if (!alphaTensor.shape().contentEquals(intArrayOf(1, height, width, 1))) {
            throw UnusableFile(Problem.ALPHA_SIZE, name)
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
     * Runs the model on the buffers of [inputs] and fills the buffer of [alpha]. Throws UnusableFile if that
     * fails, which can happen on a GPU even after it accepted the model.
     */
    fun run() {
        for (buffer in inputBuffers) buffer.rewind()
        alpha.buffer.rewind()
        try {
            interpreter.runSignature(buffers, outputs, signature.key)
        } catch (error: RuntimeException) {
            val reason = Reason(Problem.FAILED, processor.name, name, text(error))
            throw if (delegate == null) UnusableFile(reason, error) else RefusedByDelegate(reason, error)
        }
    }

    override fun close() {
        interpreter.close()
        release(delegate)
    }

    private fun checkShape(input: String, tensor: Tensor, image: Tensor) {
        val shape = tensor.shape()
        if (tensor.shapeSignature().any { it < 0 }) throw UnusableFile(Problem.NO_FIXED_SIZE, name, input)
        val channels = CHANNELS.getValue(input)
        val expected = intArrayOf(1, image.shape().getOrElse(1) { 0 }, image.shape().getOrElse(2) { 0 }, channels)
        if (!shape.contentEquals(expected)) throw UnusableFile(Problem.SHAPE, name, input, shape.joinToString("x"), channels)
    }

    private fun encoding(end: String, tensor: Tensor): Encoding {
        val type = when (tensor.dataType()) {
            DataType.FLOAT32 -> return Encoding(NumberType.FLOAT32)
            DataType.INT8 -> NumberType.INT8
            DataType.UINT8 -> NumberType.UINT8
            DataType.INT16 -> NumberType.INT16
            else -> throw UnusableFile(Problem.TYPE, name, end, tensor.dataType().toString())
        }
        val quantisation = tensor.quantizationParams()
        if (quantisation.scale <= 0f) throw UnusableFile(Problem.NO_QUANTISATION, name, end)
        return Encoding(type, quantisation.scale, quantisation.zeroPoint)
    }

    /**
     * Returns a warning unless the delegate runs the whole model, which then has a single execution step. The
     * public API does not tell the number of steps, hence the reflection.
     */
    private fun partlyDelegated(): Reason? {
        val steps = try {
            generateSequence<Class<*>>(interpreter.javaClass) { it.superclass }
                .firstNotNullOf { type -> type.declaredMethods.find { it.name == "getExecutionPlanLength" } }
                .apply { isAccessible = true }
                .invoke(interpreter) as Int
        } catch (_: ReflectiveOperationException) {
            null
        } catch (_: NoSuchElementException) {
            null
        }
        return when (steps) {
            1 -> null
            null -> Reason(Problem.STEPS_UNKNOWN, processor.name, name)
            else -> Reason(Problem.PARTLY, processor.name, name, steps)
        }
    }

    companion object {
        private val CHANNELS = mapOf("image" to 3, "trimap" to 1, "background" to 3)

        /**
         * Opens [file], a direct buffer (memory-mapped, for example) that must not change. Throws UnusableFile if
         * it is not a usable matting model, RefusedByDelegate if only the processor's delegate rejects it.
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
                if (error is RuntimeException) throw UnusableFile(Reason(Problem.UNUSABLE, name, text(error)), error)
                throw error
            }
        }

        private fun makeDelegate(name: String, processor: Processor): Delegate? = try {
            processor.makeDelegate?.invoke()
        } catch (error: Exception) {
            throw RefusedByDelegate(Reason(Problem.NOT_AVAILABLE, processor.name, name, text(error)), error)
        } catch (error: LinkageError) {
            throw RefusedByDelegate(Reason(Problem.NOT_IN_BUILD, processor.name), error)
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
                if (delegate != null) throw RefusedByDelegate(Reason(Problem.REFUSED, processor.name, name, text(error)), error)
                val version = signature.runtimeVersion
                val reason = if (version == null) {
                    Reason(Problem.RUNTIME, name, text(error))
                } else {
                    Reason(Problem.RUNTIME_VERSION, name, version, text(error))
                }
                throw UnusableFile(reason, error)
            }
        }

        /** Delegates are closeable only in some versions of TensorFlow Lite. */
        private fun release(delegate: Any?) {
            (delegate as? AutoCloseable)?.close()
        }

        private fun text(error: Throwable) =
            (error.message ?: error.javaClass.simpleName).lineSequence().first().take(200).trimEnd('.') + "."
    }
}
