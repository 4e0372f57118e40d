package org.kerasmatting.matting

/** What can be wrong with a file or a processor. The app has a sentence for each, see `Sentences.kt`. */
enum class Problem {
    NOT_TFLITE, // name
    CHECKSUM, // name
    DAMAGED, // name
    SIGNATURES, // name, number of signatures
    UNKNOWN_INPUT, // name, input, known inputs
    NO_IMAGE, // name
    NO_ALPHA, // name, outputs
    ALPHA_SIZE, // name
    NO_FIXED_SIZE, // name, input
    SHAPE, // name, input, shape, channels
    TYPE, // name, input or output, type
    NO_QUANTISATION, // name, input or output
    UNUSABLE, // name, reason
    RUNTIME, // name, reason
    RUNTIME_VERSION, // name, required version, reason
    FAILED, // processor, name, reason
    NOT_AVAILABLE, // processor, name, reason
    NOT_IN_BUILD, // processor
    REFUSED, // processor, name, reason
    PARTLY, // processor, name, number of steps
    STEPS_UNKNOWN, // processor, name
    NEEDS_TRIMAP, // name
    NEEDS_SCENE, // name
    GOLDEN_SIZE, // name
    GOLDEN_INPUT, // name, input
    GOLDEN_BYTES, // name, input, bytes found, bytes expected
    GOLDEN_METRIC, // metric
}

/** A problem with the values for its sentence. */
class Reason(val problem: Problem, vararg values: Any) {
    val values: List<Any> = values.asList()

    override fun toString() = "$problem: ${values.joinToString()}"
}

/** A file cannot be used. */
open class UnusableFile(val reason: Reason, cause: Throwable? = null) : Exception(reason.toString(), cause) {
    constructor(problem: Problem, vararg values: Any) : this(Reason(problem, *values))
}
