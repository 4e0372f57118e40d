package org.kerasmatting.inference

import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.abs
import kotlin.math.ceil
import org.json.JSONArray
import org.json.JSONObject
import org.kerasmatting.matting.Problem
import org.kerasmatting.matting.UnusableFile

/** How far alpha is from a reference: the worst sample's value of the metric [number], and the [largest] difference. */
class Comparison(val reference: String, val number: String, val limit: Double, val found: Double, val largest: Double) {
    val passed get() = found <= limit // not for NaN
}

/** In milliseconds, of [runs] runs. */
class Latency(val median: Double, val p90: Double, val runs: Int)

/** Golden vectors of one .tflite file, written by `python -m export.parity --golden`; see `export/golden.py`. */
class GoldenFile(private val entry: JSONObject, private val read: (String) -> ByteArray) {
    val name: String = entry.getString("file")

    /** Whether the limits only allow for the rounding of single precision. */
    val isExact = entry.getString("format") == "float32"

    /** Runs every sample. Throws UnusableFile if the vectors do not belong to this file. */
    fun check(model: MattingModel): List<Comparison> {
        val limits = entry.getJSONObject("limits")
        val worst = limits.keys().asSequence().associateWith { DoubleArray(2) }
        val alpha = FloatArray(model.width * model.height)
        for (sample in entry.getJSONArray("samples").objects()) {
            fill(model, sample.getJSONObject("inputs"))
            model.run()
            model.alpha.read(alpha, clipped = false)
            for ((reference, numbers) in worst) {
                val expected = floats(sample.getJSONObject("references").getString(reference))
                if (expected.size != alpha.size) {
                    throw UnusableFile(Problem.GOLDEN_SIZE, name)
                }
                val differences = DoubleArray(alpha.size) { abs(alpha[it] - expected[it]).toDouble() }
                differences.sort()
                // maxOf is NaN if either number is
                numbers[0] = maxOf(numbers[0], number(limits.getJSONArray(reference).getString(0), differences))
                numbers[1] = maxOf(numbers[1], differences.last())
            }
        }
        return worst.map { (reference, numbers) ->
            val limit = limits.getJSONArray(reference)
            Comparison(reference, limit.getString(0), limit.getDouble(1), numbers[0], numbers[1])
        }
    }

    /** Times up to [runs] runs on the last sample of `check`, in milliseconds, and starts none after [seconds]. */
    fun latency(model: MattingModel, runs: Int, seconds: Double): Latency {
        val begin = System.nanoTime()
        val times = mutableListOf<Double>()
        do {
            val start = System.nanoTime()
            model.run()
            times += (System.nanoTime() - start) / 1e6
        } while (times.size < runs && System.nanoTime() - begin < seconds * 1e9)
        val sorted = times.sorted().toDoubleArray()
        return Latency(percentile(sorted, 0.5), percentile(sorted, 0.9), times.size)
    }

    private fun fill(model: MattingModel, vectors: JSONObject) {
        for ((input, tensor) in model.inputs) {
            if (!vectors.has(input)) throw UnusableFile(Problem.GOLDEN_INPUT, name, input)
            val bytes = read(vectors.getString(input))
            if (bytes.size != tensor.buffer.capacity()) {
                throw UnusableFile(Problem.GOLDEN_BYTES, name, input, bytes.size, tensor.buffer.capacity())
            }
            tensor.buffer.rewind()
            tensor.buffer.put(bytes)
        }
    }

    private fun floats(vector: String): FloatArray {
        val bytes = ByteBuffer.wrap(read(vector)).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
        return FloatArray(bytes.remaining()).also { bytes.get(it) }
    }
}

/** Reads the index of a folder of golden vectors; [read] returns the contents of a file in it. */
fun goldenFiles(read: (String) -> ByteArray): List<GoldenFile> {
    val index = JSONObject(String(read("golden.json"), Charsets.UTF_8))
    return index.getJSONArray("files").objects().map { GoldenFile(it, read) }
}

private fun JSONArray.objects() = List(length()) { getJSONObject(it) }

/** Returns NaN if any difference is NaN, since NaN sorts last. */
private fun number(name: String, sorted: DoubleArray) = when {
    sorted.last().isNaN() -> Double.NaN
    name == "max_difference" -> sorted.last()
    name == "mean_difference" -> sorted.average()
    name == "p999" -> percentile(sorted, 0.999)
    else -> throw UnusableFile(Problem.GOLDEN_METRIC, name)
}

/** Interpolates linearly between neighbours, as NumPy does. */
internal fun percentile(sorted: DoubleArray, share: Double): Double {
    val at = share * (sorted.size - 1)
    val below = at.toInt()
    val above = ceil(at).toInt()
    return sorted[below] + (at - below) * (sorted[above] - sorted[below])
}
