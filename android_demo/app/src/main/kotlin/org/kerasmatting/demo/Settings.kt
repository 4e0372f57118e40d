package org.kerasmatting.demo

import android.annotation.SuppressLint
import android.content.Context

/** Settings that survive a restart. */
class Settings(context: Context) {
    private val stored = context.getSharedPreferences("settings", Context.MODE_PRIVATE)

    var model: String?
        get() = stored.getString("model", null)
        set(value) = stored.edit().putString("model", value).apply()
    var usesGpu: Boolean
        get() = stored.getBoolean("gpu", false)
        set(value) = stored.edit().putBoolean("gpu", value).putBoolean(CRASHED, false).apply()
    var smooths: Boolean
        get() = stored.getBoolean("smoothing", true)
        set(value) = stored.edit().putBoolean("smoothing", value).apply()
    var usesFrontCamera: Boolean
        get() = stored.getBoolean("front", true)
        set(value) = stored.edit().putBoolean("front", value).apply()

    /** Whether the GPU's driver ended an earlier process. Choosing the GPU again clears it. */
    val gpuCrashed get() = stored.getBoolean(CRASHED, false)

    /** Marks in storage that [attempt] runs: a driver may end the process, and the next start finds the mark. */
    @SuppressLint("ApplySharedPref") // must be stored before the driver is called
    fun <T> tryGpu(attempt: () -> T): T {
        stored.edit().putBoolean(TRYING, true).commit()
        try {
            return attempt()
        } finally {
            stored.edit().putBoolean(TRYING, false).commit()
        }
    }

    /** Switches the GPU off if it ended the last process; called once at the start of a process. */
    fun recover() {
        if (!stored.getBoolean(TRYING, false)) return
        stored.edit().putBoolean(TRYING, false).putBoolean("gpu", false).putBoolean(CRASHED, true).apply()
    }

    private companion object {
        const val TRYING = "trying_gpu"
        const val CRASHED = "gpu_crashed"
    }
}
