package org.kerasmatting.demo

import android.app.Activity
import android.os.Bundle
import android.os.Handler
import android.os.Looper
import android.view.WindowManager
import android.widget.Button
import android.widget.LinearLayout
import android.widget.TextView
import java.util.Locale
import java.util.concurrent.atomic.AtomicBoolean

/** Checks that the models give the same results on this phone as in Python, and how fast they are. */
class CheckActivity : Activity() {
    private lateinit var work: Work

    /** Continues across screen rotation; results and listener belong to the main thread. */
    private class Work(activity: CheckActivity) {
        private val context = activity.applicationContext
        private val main = Handler(Looper.getMainLooper())
        private val isCancelled = AtomicBoolean()
        val results = mutableListOf<CheckResult>()
        var isDone = false
            private set
        var onChange = {}

        init {
            Thread({ run() }, "check").start()
        }

        fun cancel() = isCancelled.set(true)

        private fun run() {
            try {
                runCheck(context) { result ->
                    if (isCancelled.get()) throw InterruptedException()
                    main.post {
                        results += result
                        onChange()
                    }
                }
            } catch (_: InterruptedException) {
                return
            }
            main.post {
                isDone = true
                onChange()
            }
        }
    }

    @Suppress("DEPRECATION") // the replacement is in AndroidX
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.check)
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        work = lastNonConfigurationInstance as Work? ?: Work(this)
        work.onChange = ::draw
        findViewById<Button>(R.id.run).setOnClickListener {
            work = Work(this).also { it.onChange = ::draw }
            draw()
        }
        draw()
    }

    @Deprecated("the replacement is in AndroidX")
    override fun onRetainNonConfigurationInstance(): Any = work

    override fun onDestroy() {
        work.onChange = {}
        if (!isChangingConfigurations) work.cancel()
        super.onDestroy()
    }

    private fun draw() {
        val failed = work.results.count { !it.passed && !it.isRefused }
        findViewById<Button>(R.id.run).isEnabled = work.isDone
        val refused = work.results.count { it.isRefused }
        val fellBack = work.results.count { it.notice != null }
        findViewById<TextView>(R.id.verdict).apply {
            text = listOfNotNull(
                when {
                    !work.isDone -> getString(R.string.check_running)
                    work.results.isEmpty() -> getString(R.string.check_empty)
                    failed > 0 -> getString(R.string.check_failed, failed, work.results.size)
                    else -> getString(R.string.check_passed)
                },
                getString(R.string.check_refused, refused).takeIf { refused > 0 },
                getString(R.string.check_fell_back, fellBack).takeIf { fellBack > 0 },
            ).joinToString("\n")
            setTextColor(getColor(if (failed + refused + fellBack > 0) R.color.bad else R.color.good))
        }
        val rows = findViewById<LinearLayout>(R.id.rows)
        if (rows.childCount > work.results.size) rows.removeAllViews()
        for (result in work.results.drop(rows.childCount)) rows.addView(row(result))
    }

    private fun row(result: CheckResult) = TextView(this).apply {
        text = describe(result)
        setTextColor(getColor(if (result.passed && result.notice == null) R.color.good else R.color.bad))
        setTextIsSelectable(true)
        setPadding(0, 16, 0, 0)
    }
}

/** Formats one result as several lines. */
fun describe(result: CheckResult): String {
    val lines = mutableListOf("${if (result.passed) "passed" else "FAILED"}: ${result.file}, ${result.processor}")
    if (result.isRefused) lines[0] = "NOT RUN: ${result.file}, ${result.processor}"
    for (found in result.comparisons) {
        lines += String.format(
            Locale.ROOT, "  %s: %s %.2g, limit %.2g, largest difference %.2g",
            found.reference, found.number, found.found, found.limit, found.largest,
        )
    }
    result.latency?.let {
        lines += String.format(Locale.ROOT, "  median %.1f ms, 90th percentile %.1f ms", it.median, it.p90)
    }
    result.notice?.let { lines += "  $it" }
    result.note?.let { lines += "  $it" }
    result.problem?.let { lines += "  $it" }
    return lines.joinToString("\n")
}
