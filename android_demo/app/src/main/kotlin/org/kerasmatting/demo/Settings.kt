package org.kerasmatting.demo

import android.content.Context

/** Settings that survive a restart. */
class Settings(context: Context) {
    private val stored = context.getSharedPreferences("settings", Context.MODE_PRIVATE)

    var model: String?
        get() = stored.getString("model", null)
        set(value) = stored.edit().putString("model", value).apply()
    var usesGpu: Boolean
        get() = stored.getBoolean("gpu", false)
        set(value) = stored.edit().putBoolean("gpu", value).apply()
    var smooths: Boolean
        get() = stored.getBoolean("smoothing", true)
        set(value) = stored.edit().putBoolean("smoothing", value).apply()
    var usesFrontCamera: Boolean
        get() = stored.getBoolean("front", true)
        set(value) = stored.edit().putBoolean("front", value).apply()
}
