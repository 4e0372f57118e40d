package org.kerasmatting.demo

import androidx.test.platform.app.InstrumentationRegistry
import org.junit.Assert.assertTrue
import org.junit.Test

/** The Check screen's work on a connected phone: `./gradlew connectedDebugAndroidTest`. */
class CheckTest {
    @Test
    fun everyFileGivesItsGoldenNumbers() {
        val results = mutableListOf<CheckResult>()
        runCheck(InstrumentationRegistry.getInstrumentation().targetContext, runs = 10) {
            println(describe(it))
            results += it
        }
        assertTrue("Run make demo first: the app holds no golden vectors.", results.isNotEmpty())
        val failed = results.filter { !it.passed && !it.isRefused }
        assertTrue(failed.joinToString("\n", transform = ::describe), failed.isEmpty())
    }
}
