package org.kerasmatting.demo

import android.content.ContentResolver
import android.content.Context
import android.net.Uri
import android.provider.OpenableColumns
import java.io.File
import java.io.FileInputStream
import java.io.IOException
import java.lang.reflect.InvocationTargetException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel.MapMode.READ_ONLY
import org.json.JSONObject
import org.kerasmatting.inference.MattingModel
import org.kerasmatting.inference.Processor
import org.kerasmatting.inference.RefusedByDelegate
import org.kerasmatting.matting.Signature
import org.kerasmatting.matting.UnusableFile
import org.tensorflow.lite.Delegate

/** The .tflite files bundled with the app, in assets/models, and those that the user picked. */
class Models(private val context: Context) {
    private val folder = File(context.filesDir, "models")

    fun names(): List<String> = (bundled() + picked()).distinct()

    /** The networks' files in the order of networks.json, int8 first, which phones run fastest. */
    fun bundled(): List<String> {
        val table = try {
            context.assets.open("models/networks.json").use { JSONObject(String(it.readBytes(), Charsets.UTF_8)) }
        } catch (_: IOException) {
            return emptyList()
        }
        val networks = table.getJSONObject("networks")
        return networks.keys().asSequence().toList().flatMap { name ->
            val formats = networks.getJSONObject(name).getJSONObject("tflite")
            formats.keys().asSequence().sortedBy { it != "int8" }.toList().flatMap { format ->
                formats.getJSONObject(format).let { files -> files.keys().asSequence().map { files.getString(it) }.toList() }
            }
        }
    }

    fun picked(): List<String> = folder.list().orEmpty().filter { it.endsWith(".tflite") }.sorted()

    /** Returns the chosen file, by default the first. */
    fun current(settings: Settings): String? {
        val names = names()
        return settings.model?.takeIf { it in names } ?: names.firstOrNull()
    }

    /**
     * Opens a file on the GPU if [settings] say so, or on the CPU if not or if the GPU rejects it. The second value
     * is a warning for the user or null. Throws UnusableFile like `MattingModel.open`, and IOException.
     */
    fun open(name: String, settings: Settings): Pair<MattingModel, String?> {
        val file = content(name)
        if (!settings.usesGpu) {
            val warning = if (settings.gpuCrashed) context.getString(R.string.gpu_crashed) else null
            return MattingModel.open(name, file, cpu()) to warning
        }
        return try {
            settings.tryGpu { openAndRun(name, file, gpu()) }.let { model -> model to model.notice?.let(context::sentence) }
        } catch (error: RefusedByDelegate) {
            MattingModel.open(name, file, cpu()) to context.getString(R.string.using_cpu, context.sentence(error.reason))
        }
    }

    /** Returns the bytes of a file in [names], memory-mapped if possible. */
    fun content(name: String): ByteBuffer {
        val own = File(folder, name)
        if (name !in bundled()) return FileInputStream(own).use { it.channel.map(READ_ONLY, 0, own.length()) }
        return try {
            context.assets.openFd("models/$name").use { asset ->
                FileInputStream(asset.fileDescriptor).use {
                    it.channel.map(READ_ONLY, asset.startOffset, asset.declaredLength)
                }
            }
        } catch (_: IOException) { // compressed in the APK
            val bytes = context.assets.open("models/$name").use { it.readBytes() }
            ByteBuffer.allocateDirect(bytes.size).order(ByteOrder.nativeOrder()).put(bytes)
        }
    }

    /**
     * Copies a file that the user picked into the app and returns its name. If the file cannot be used, throws
     * UnusableFile or IOException and keeps nothing.
     */
    fun add(uri: Uri): String {
        val name = nameFor(uri)
        folder.mkdirs()
        val temporary = File(folder, "$name.part")
        try {
            copy(uri, name, temporary)
            val file = FileInputStream(temporary).use { it.channel.map(READ_ONLY, 0, temporary.length()) }
            MattingModel.open(name, file, cpu()).close()
            if (!temporary.renameTo(File(folder, name))) throw IOException(context.getString(R.string.not_stored, name))
            return name
        } finally {
            temporary.delete()
        }
    }

    /** Deletes a file that the user picked. */
    fun delete(name: String) {
        File(folder, name).delete()
    }

    /** Checks the first bytes before copying, since the file could be a video of several gigabytes. */
    private fun copy(uri: Uri, name: String, target: File) = try {
        val input = context.contentResolver.openInputStream(uri) ?: throw IOException(context.getString(R.string.file_gone))
        input.use { from ->
            val start = ByteArray(Signature.START)
            var count = 0
            while (count < start.size) {
                val read = from.read(start, count, start.size - count)
                if (read < 0) break
                count += read
            }
            Signature.checkStart(ByteBuffer.wrap(start, 0, count), name)
            target.outputStream().use {
                it.write(start)
                from.copyTo(it)
            }
        }
    } catch (error: SecurityException) {
        throw IOException(context.getString(R.string.not_opened, name), error)
    } catch (error: IOException) {
        throw IOException(context.getString(R.string.not_copied, name, error.message), error)
    }

    private fun nameFor(uri: Uri): String {
        val given = (displayName(context.contentResolver, uri) ?: "picked").replace(Regex("[^A-Za-z0-9._-]"), "_")
        val name = if (given.endsWith(".tflite")) given else "$given.tflite"
        if (name in bundled()) throw IOException(context.getString(R.string.already_bundled, name))
        return name
    }
}

/** Returns a file's name as its provider reports it. */
fun displayName(resolver: ContentResolver, uri: Uri): String? =
    resolver.query(uri, arrayOf(OpenableColumns.DISPLAY_NAME), null, null, null)?.use {
        if (it.moveToFirst()) it.getString(0) else null
    }

fun cpu(threads: Int = minOf(4, Runtime.getRuntime().availableProcessors())) = Processor("CPU x$threads", threads)

/** Opens a model and runs it once: some drivers accept a model and fail, or end the process, when they run it. */
fun openAndRun(name: String, file: ByteBuffer, processor: Processor): MattingModel {
    val model = MattingModel.open(name, file, processor)
    try {
        model.run()
    } catch (error: UnusableFile) {
        model.close()
        throw error
    }
    return model
}

/**
 * Loads the GPU delegate by name, so that the app builds and runs without its library. It computes in half precision
 * unless [isExact].
 */
fun gpu(isExact: Boolean = false, find: (String) -> Class<*> = { Class.forName(it) }) = Processor("GPU", 1) {
    try {
        val type = find("org.tensorflow.lite.gpu.GpuDelegate")
        if (isExact) {
            val optionsType = find("org.tensorflow.lite.gpu.GpuDelegateFactory\$Options")
            val options = optionsType.getDeclaredConstructor().newInstance()
            optionsType.getMethod("setPrecisionLossAllowed", Boolean::class.java).invoke(options, false)
            type.getConstructor(optionsType).newInstance(options) as Delegate
        } else {
            type.getDeclaredConstructor().newInstance() as Delegate
        }
    } catch (error: ClassNotFoundException) {
        throw NoClassDefFoundError(error.message)
    } catch (error: InvocationTargetException) {
        throw error.targetException
    }
}
