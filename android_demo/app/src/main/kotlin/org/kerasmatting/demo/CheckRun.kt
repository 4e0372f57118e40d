package org.kerasmatting.demo

import android.content.Context
import java.io.IOException
import org.json.JSONException
import org.kerasmatting.inference.Comparison
import org.kerasmatting.inference.GoldenFile
import org.kerasmatting.inference.Latency
import org.kerasmatting.inference.MattingModel
import org.kerasmatting.inference.Processor
import org.kerasmatting.inference.goldenFiles
import org.kerasmatting.matting.Problem
import org.kerasmatting.matting.UnusableFile

/**
 * Result of one file on one processor. [problem] says why it did not run; [notice] is a warning, [note] harmless.
 */
class CheckResult(
    val file: String,
    val processor: String,
    val comparisons: List<Comparison> = emptyList(),
    val latency: Latency? = null,
    val notice: String? = null,
    val note: String? = null,
    val problem: String? = null,
    /** The GPU delegate is not part of this build, which is not a fault of the file or the phone. */
    val isAbsent: Boolean = false,
) {
    /** A GPU that rejects the file or fails is shown prominently, but does not count as an error of the file. */
    val isRefused get() = problem != null && processor == GPU && !isAbsent
    val passed get() = problem == null && comparisons.isNotEmpty() && comparisons.all { it.passed }
}

/**
 * Runs every file in assets/models with golden vectors in assets/golden on the CPU, with 1, 2 and 4 threads,
 * and on the GPU, and passes each result to [report]. Used by the Check screen and by androidTest.
 */
fun runCheck(context: Context, runs: Int = 30, report: (CheckResult) -> Unit) {
    val models = Models(context)
    val files = try {
        goldenFiles { name -> context.assets.open("golden/$name").use { it.readBytes() } }
    } catch (_: IOException) {
        return
    } catch (error: JSONException) {
        return report(CheckResult("golden.json", "-", problem = context.getString(R.string.golden_damaged, error.message)))
    }
    for (file in files) {
        if (file.name !in models.bundled()) {
            report(CheckResult(file.name, "-", problem = context.getString(R.string.golden_without_file, file.name)))
            continue
        }
        for (threads in listOf(1, 2, 4)) report(check(context, models, file, cpu(threads), runs))
        report(checkGpu(context, models, file, runs))
    }
}

/** In single precision where the limit only allows for its rounding. */
private fun checkGpu(context: Context, models: Models, file: GoldenFile, runs: Int): CheckResult {
    val settings = Settings(context)
    if (settings.gpuCrashed) return CheckResult(file.name, GPU, problem = context.getString(R.string.gpu_crashed))
    return settings.tryGpu { check(context, models, file, gpu(file.isExact), runs) }
}

private fun check(context: Context, models: Models, file: GoldenFile, processor: Processor, runs: Int): CheckResult = try {
    MattingModel.open(file.name, models.content(file.name), processor).use {
        val note = if (it.isVerified) null else context.getString(R.string.no_checksum)
        val notice = it.notice?.let(context::sentence)
        CheckResult(file.name, processor.name, file.check(it), file.latency(it, runs, SECONDS), notice, note)
    }
} catch (error: UnusableFile) {
    val isAbsent = error.reason.problem == Problem.NOT_IN_BUILD
    CheckResult(file.name, processor.name, problem = context.sentence(error.reason), isAbsent = isAbsent)
} catch (error: IOException) {
    CheckResult(file.name, processor.name, problem = context.getString(R.string.golden_missing, file.name, error.message))
}

private const val GPU = "GPU"
private const val SECONDS = 3.0 // for the runs of one file on one processor
