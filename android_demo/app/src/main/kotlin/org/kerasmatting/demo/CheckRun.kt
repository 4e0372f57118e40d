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
) {
    /** A GPU that rejects the file or fails is shown prominently, but does not count as an error of the file. */
    val isRefused get() = problem != null && processor == "GPU"
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
        return report(CheckResult("golden.json", "-", problem = "golden.json is damaged: ${error.message}"))
    }
    for (file in files) {
        if (file.name !in models.bundled()) {
            report(CheckResult(file.name, "-", problem = "${file.name} has golden vectors but is not in the app."))
            continue
        }
        for (processor in listOf(cpu(1), cpu(2), cpu(4), gpu())) report(check(models, file, processor, runs))
    }
}

private fun check(models: Models, file: GoldenFile, processor: Processor, runs: Int): CheckResult = try {
    MattingModel.open(file.name, models.content(file.name), processor).use {
        val note = if (it.isVerified) null else "The file has no checksum, so damage to it would go unnoticed."
        CheckResult(file.name, processor.name, file.check(it), file.latency(it, runs, SECONDS), it.notice, note)
    }
} catch (error: UnusableFile) {
    CheckResult(file.name, processor.name, problem = error.message)
} catch (error: IOException) {
    CheckResult(file.name, processor.name, problem = "A golden vector of ${file.name} is missing: ${error.message}.")
}

private const val SECONDS = 3.0 // for the runs of one file on one processor
