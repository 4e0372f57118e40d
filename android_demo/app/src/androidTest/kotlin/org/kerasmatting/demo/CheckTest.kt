package org.kerasmatting.demo

import androidx.test.platform.app.InstrumentationRegistry
import org.junit.Assert.assertTrue
import org.junit.Test

/** Runs what the Check screen does on a connected phone: `./gradlew connectedDebugAndroidTest`. */
class CheckTest {
    @Test
    fun everyFileGivesItsGoldenNumbers() {
        val results = mutableListOf<CheckResult>()
        runCheck(InstrumentationRegistry.getInstrumentation().targetContext, runs = 10) {
            println(describe(it))
            results += it
        }
        assertTrue("The app has no golden vectors: run make build/android/shipped/golden.json first.", results.isNotEmpty())
        val failed = results.filter { !it.passed && !it.isRefused }
        assertTrue(failed.joinToString("\n", transform = ::describe), failed.isEmpty())
    }
}
