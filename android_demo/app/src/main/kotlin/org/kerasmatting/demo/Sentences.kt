package org.kerasmatting.demo

import android.content.Context
import org.kerasmatting.matting.Problem
import org.kerasmatting.matting.Problem.*
import org.kerasmatting.matting.Reason

/** Explains a problem to the user in one sentence. */
fun Context.sentence(reason: Reason): String = getString(reason.problem.sentence, *reason.values.toTypedArray())

private val Problem.sentence: Int get() = when (this) {
    NOT_TFLITE -> R.string.problem_not_tflite
    CHECKSUM -> R.string.problem_checksum
    DAMAGED -> R.string.problem_damaged
    SIGNATURES -> R.string.problem_signatures
    UNKNOWN_INPUT -> R.string.problem_unknown_input
    NO_IMAGE -> R.string.problem_no_image
    NO_ALPHA -> R.string.problem_no_alpha
    ALPHA_SIZE -> R.string.problem_alpha_size
    NO_FIXED_SIZE -> R.string.problem_no_fixed_size
    SHAPE -> R.string.problem_shape
    TYPE -> R.string.problem_type
    NO_QUANTISATION -> R.string.problem_no_quantisation
    UNUSABLE -> R.string.problem_unusable
    RUNTIME -> R.string.problem_runtime
    RUNTIME_VERSION -> R.string.problem_runtime_version
    FAILED -> R.string.problem_failed
    NOT_AVAILABLE -> R.string.problem_not_available
    NOT_IN_BUILD -> R.string.problem_not_in_build
    REFUSED -> R.string.problem_refused
    PARTLY -> R.string.problem_partly
    STEPS_UNKNOWN -> R.string.problem_steps_unknown
    NEEDS_TRIMAP -> R.string.needs_trimap
    NEEDS_SCENE -> R.string.needs_scene
    GOLDEN_SIZE -> R.string.problem_golden_size
    GOLDEN_INPUT -> R.string.problem_golden_input
    GOLDEN_BYTES -> R.string.problem_golden_bytes
    GOLDEN_METRIC -> R.string.problem_golden_metric
}
