package org.kerasmatting

import com.sun.management.ThreadMXBean
import java.io.File
import java.lang.management.ManagementFactory
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.abs
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.Arguments
import org.junit.jupiter.params.provider.Arguments.arguments
import org.junit.jupiter.params.provider.EnumSource
import org.junit.jupiter.params.provider.MethodSource
import org.junit.jupiter.params.provider.ValueSource
import org.kerasmatting.inference.FrameMatter
import org.kerasmatting.inference.Matter
import org.kerasmatting.inference.MattingModel
import org.kerasmatting.inference.Processor
import org.kerasmatting.inference.RefusedByDelegate
import org.kerasmatting.inference.goldenFiles
import org.kerasmatting.matting.Background
import org.kerasmatting.matting.CameraFrame
import org.kerasmatting.matting.UnusableFile
import org.kerasmatting.matting.YuvPlane
import org.kerasmatting.matting.argb
import org.kerasmatting.matting.composeOver
import org.tensorflow.lite.Delegate

/** Tests of the app's inference code with org.tensorflow.lite.Interpreter and real files. */
class InferenceTest {
    @ParameterizedTest
    @MethodSource("goldenFilesByThreads")
    fun `files give the same results as in Python`(folder: File, name: String, threads: Int) {
        val golden = golden(folder).single { it.name == name }
        open(File(folder, name), threads).use { model ->
            val comparisons = golden.check(model)
            for (found in comparisons) {
                println(
                    "%-55s %d threads  %-6s %s %.2g, limit %.2g (largest %.2g)".format(
                        name, threads, found.reference, found.number, found.found, found.limit, found.largest,
                    ),
                )
            }
            assertEquals(setOf("keras", "litert"), comparisons.map { it.reference }.toSet())
            assertTrue(comparisons.all { it.passed }, "$name differs from its golden vectors")
        }
    }

    @Test
    fun `timing ends after its runs or its time`() {
        open(File(SMALL, "convolutions_96x128_int8.tflite")).use { model ->
            val golden = golden(SMALL).single { it.name == "convolutions_96x128_int8.tflite" }
            golden.check(model)
            val latency = golden.latency(model, 3, 1e9)
            assertEquals(3, latency.runs)
            assertTrue(0 < latency.median && latency.median <= latency.p90)
            assertEquals(1, golden.latency(model, 3, 0.0).runs)
        }
    }

    @Test
    fun `a file with other weights fails`() {
        val name = SMALL.list()!!.single { it.startsWith("convolutions_trimap") && it.endsWith("float32.tflite") }
        val bytes = withoutChecksum(File(SMALL, name).readBytes())
        val floats = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)
        // Halve everything in the middle of the file that looks like a small weight.
        for (at in bytes.size / 12 * 4 until bytes.size / 2 step 4) {
            if (abs(floats.getFloat(at)) in 1e-3f..1f) floats.putFloat(at, floats.getFloat(at) / 2)
        }
        MattingModel.open(name, direct(bytes), CPU).use { model ->
            val comparisons = golden(SMALL).single { it.name == name }.check(model)
            assertFalse(comparisons.any { it.passed })
        }
    }

    @Test
    fun `the file of another network fails`() {
        open(File(SMALL, "convolutions_96x128_int8.tflite")).use { model ->
            val golden = golden(SMALL).single { it.name == "modnet_mobilenetv2_mobile_96x128_int8_qat.tflite" }
            assertFalse(golden.check(model).any { it.passed })
        }
    }

    @ParameterizedTest
    @ValueSource(strings = ["modnet_mobilenetv2_mobile_96x128_int8_qat", "convolutions_96x128_int8"])
    fun `the alpha of a photo is the same as in Python`(stem: String) {
        open(File(SMALL, "$stem.tflite")).use { model ->
            val matter = Matter(model, 130, 75)
            matter.matte(pixelsOf(File(SMALL, "photograph.bin").readBytes()))
            val found = FloatArray(130 * 75)
            matter.plain(found)
            val bytes = ByteBuffer.wrap(File(SMALL, "$stem.alpha.bin").readBytes()).order(ByteOrder.LITTLE_ENDIAN)
            val differences = found.map { abs(it - bytes.getFloat()) }.sorted()
            assertEquals(130 * 75, differences.size)
            println("$stem: the photo's alpha differs by at most ${differences.last()}, ${differences.average()} on average")
            assertTrue(differences[(0.999 * differences.size).toInt()] <= 2 / 255f)
        }
    }

    @ParameterizedTest
    @MethodSource("shippedFiles")
    fun `shipped networks matte the sample photograph as in Python`(file: File) {
        open(file, threads = 2).use { model ->
            val pixels = pixelsOf(File(SHIPPED, "${file.nameWithoutExtension}.photograph.bin").readBytes())
            val matter = Matter(model, model.width, pixels.size / model.width)
            matter.matte(pixels)
            val found = FloatArray(pixels.size).also { matter.plain(it) }
            val bytes = ByteBuffer.wrap(File(SHIPPED, "${file.nameWithoutExtension}.alpha.bin").readBytes())
            bytes.order(ByteOrder.LITTLE_ENDIAN)
            val differences = found.map { abs(it - bytes.getFloat()) }.sorted()
            println("${file.name}: the sample's alpha differs by at most ${differences.last()}, ${differences.average()} on average")
            assertTrue(differences[(0.999 * differences.size).toInt()] <= 2 / 255f)
            assertTrue(found.average() in 0.1..0.9, "the matte has a subject and a background")
        }
    }

    @ParameterizedTest
    @EnumSource(Background::class)
    fun `nothing is allocated per frame`(background: Background) {
        open(File(SMALL, "convolutions_96x128_int8.tflite")).use { model ->
            val matter = camera(model)
            val picture = IntArray(matter.width * matter.height)
            val ofInterpreter = allocated { model.run() }
            val ofFrame = allocated { matter.matte(background, picture, smooths = true, takesScene = false) }
            assertEquals(ofInterpreter, ofFrame, "bytes allocated per frame, the interpreter's own being expected")
        }
    }

    @Test
    fun `a frame is composed over the chosen background`() {
        open(File(SMALL, "convolutions_96x128_int8.tflite")).use { model ->
            val matter = camera(model)
            val (width, height) = matter.width to matter.height
            assertEquals(Fixture("camera_colours").let { it.height to it.width }, width to height)
            val upright = IntArray(width * height)
            matter.frame.upright(matter.planes[0], matter.planes[1], matter.planes[2], upright)
            val alpha = FloatArray(upright.size)
            Matter(model, width, height).run {
                matte(upright)
                refined(upright, alpha)
            }
            val picture = IntArray(upright.size) { argb(it % 256, 0, 255) }
            val expected = IntArray(upright.size)
            for (background in Background.entries - Background.BLURRED) {
                assertTrue(matter.matte(background, picture, smooths = false, takesScene = false))
                composeOver(upright, alpha, background.colour?.let { c -> IntArray(upright.size) { c } } ?: picture, expected)
                assertArrayEquals(expected, matter.shown, background.name)
            }
            matter.matte(Background.PICTURE, null, smooths = false, takesScene = false)
            composeOver(upright, alpha, argb(255, 255, 255), expected)
            assertArrayEquals(expected, matter.shown, "white until there is a picture")
        }
    }

    @Test
    fun `a model that needs the empty scene waits for it`() {
        open(File(SMALL, "convolutions_background_96x128_int8.tflite")).use { model ->
            val matter = camera(model)
            val upright = IntArray(matter.width * matter.height)
            matter.frame.upright(matter.planes[0], matter.planes[1], matter.planes[2], upright)
            assertFalse(matter.matte(Background.GREEN, null, smooths = true, takesScene = false))
            assertArrayEquals(upright, matter.shown)
            assertTrue(matter.matte(Background.GREEN, null, smooths = true, takesScene = true))
            assertFalse(upright.contentEquals(matter.shown))
            assertTrue(matter.matte(Background.GREEN, null, smooths = true, takesScene = false))
        }
    }

    /** A camera mounted sideways, with the fixture's frame in its planes. */
    private fun camera(model: MattingModel): FrameMatter {
        val planes = listOf("camera_y", "camera_u", "camera_v").map { Fixture(it) }.map { plane ->
            YuvPlane(plane.width, 1, plane.bytes.size).apply { read(ByteBuffer.wrap(plane.bytes)) }
        }
        val size = Fixture("camera_y")
        return FrameMatter(model, CameraFrame(size.width, size.height, 90, mirrored = true), planes)
    }

    /** Bytes that each call allocates. The minimum, since the virtual machine itself allocates now and then. */
    private fun allocated(call: () -> Unit): Long {
        val threads = ManagementFactory.getThreadMXBean() as ThreadMXBean
        val me = Thread.currentThread().id
        repeat(30) { call() }
        return (1..20).minOf {
            val before = threads.getThreadAllocatedBytes(me)
            call()
            threads.getThreadAllocatedBytes(me) - before
        }
    }

    @Test
    fun `inputs are those of the file's signature`() {
        val inputs = SMALL.listFiles()!!.filter { it.extension == "tflite" }.associate { file ->
            file.name to open(file).use { it.inputs.keys }
        }
        assertEquals(setOf("image", "trimap"), inputs["convolutions_trimap_96x128_int8.tflite"])
        assertEquals(setOf("image", "background"), inputs["convolutions_background_96x128_float32.tflite"])
        assertEquals(setOf("image"), inputs["convolutions_96x128_int8.tflite"])
    }

    @Test
    fun `the description comes from the metadata`() {
        open(File(SMALL, "convolutions_trimap_96x128_int8.tflite")).use { model ->
            val inputs = setOf("image, trimap", "trimap, image").map { "Image matting at 96x128: $it to alpha. Integer ranges from 8 pictures." }
            assertTrue(model.description in inputs)
        }
    }

    @Test
    fun `a failure at run time names the file`() {
        val model = open(File(SMALL, "convolutions_96x128_int8.tflite")).also { it.close() }
        val error = assertThrows(UnusableFile::class.java) { model.run() }
        assertTrue(error.message!!.startsWith("FAILED: CPU, convolutions_96x128_int8.tflite, "), error.message)
    }

    @Test
    fun `a missing trimap is reported`() {
        open(File(SMALL, "convolutions_trimap_96x128_int8.tflite")).use { model ->
            val matter = Matter(model, 10, 10)
            val error = assertThrows(UnusableFile::class.java) { matter.matte(IntArray(100)) }
            assertEquals("NEEDS_TRIMAP: convolutions_trimap_96x128_int8.tflite", error.message)
            matter.matte(IntArray(100), trimap = IntArray(100))
        }
    }

    @ParameterizedTest
    @ValueSource(ints = [0, 3, 7, 8, 100, 3000])
    fun `a truncated file is refused in one sentence`(length: Int) {
        val whole = File(SMALL, "convolutions_96x128_int8.tflite").readBytes()
        val error = assertThrows(UnusableFile::class.java) {
            MattingModel.open("cut.tflite", direct(whole.copyOf(length)), CPU).close()
        }
        assertEquals("cut.tflite", error.reason.values.first())
    }

    @Test
    fun `a failing delegate is reported`() {
        val file = File(SMALL, "convolutions_96x128_int8.tflite")
        val absent = Processor("GPU", 1) { throw NoClassDefFoundError("org/tensorflow/lite/gpu/GpuDelegate") }
        val broken = Processor("GPU", 1) { object : Delegate { override fun getNativeHandle() = error("no OpenCL") } }
        assertEquals("NOT_IN_BUILD: GPU", refusal(file, absent))
        assertEquals("REFUSED: GPU, ${file.name}, no OpenCL.", refusal(file, broken))
    }

    private fun refusal(file: File, processor: Processor) = assertThrows(RefusedByDelegate::class.java) {
        MattingModel.open(file.name, direct(file.readBytes()), processor).close()
    }.message!!

    companion object {
        private val FOLDERS = System.getProperty("golden").split(":").map { File(it) }
        private val SMALL = FOLDERS.first()
        private val SHIPPED = FOLDERS[1]
        private val CPU = Processor("CPU", 1)

        @JvmStatic
        fun shippedFiles() = SHIPPED.listFiles()!!.filter { it.name.endsWith(".alpha.bin") }.map {
            File(SHIPPED, it.name.removeSuffix(".alpha.bin") + ".tflite")
        }

        @JvmStatic
        fun goldenFilesByThreads(): List<Arguments> = FOLDERS.flatMap { folder ->
            val threads = if (folder == SHIPPED) listOf(2) else listOf(1, 2, 4) // these take seconds
            golden(folder).flatMap { file -> threads.map { arguments(folder, file.name, it) } }
        }

        /** Golden vectors are in the subfolder golden/ for `make demo`, next to the files otherwise. */
        private fun golden(folder: File): List<org.kerasmatting.inference.GoldenFile> {
            val vectors = File(folder, "golden").takeIf { it.isDirectory } ?: folder
            return goldenFiles { File(vectors, it).readBytes() }
        }

        private fun open(file: File, threads: Int = 1) =
            MattingModel.open(file.name, direct(file.readBytes()), Processor("CPU", threads))

        private fun direct(bytes: ByteArray): ByteBuffer =
            ByteBuffer.allocateDirect(bytes.size).order(ByteOrder.nativeOrder()).put(bytes)
    }
}
