package org.kerasmatting.demo

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.ContentResolver
import android.content.Intent
import android.net.Uri
import android.os.Build
import android.provider.MediaStore
import java.text.SimpleDateFormat
import java.util.Date
import java.util.Locale

/** The photograph that the app contains. */
val SAMPLE: Uri = Uri.parse("${ContentResolver.SCHEME_ANDROID_RESOURCE}://org.kerasmatting.demo/raw/sample")

/** Opens the photo picker or, on phones without it, a document picker. Returns false if there is neither. */
fun Activity.pickPicture(request: Int): Boolean {
    val intents = mutableListOf(
        Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE),
        Intent(Intent.ACTION_GET_CONTENT).addCategory(Intent.CATEGORY_OPENABLE),
    )
    if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) intents.add(0, Intent(MediaStore.ACTION_PICK_IMAGES))
    return intents.any { start(it.setType("image/*"), request) }
}

/** Returns false if no app on this phone can do it. */
fun Activity.start(intent: Intent, request: Int): Boolean = try {
    startActivityForResult(intent, request)
    true
} catch (_: ActivityNotFoundException) {
    false
}

/**
 * Returns the name of a result: that of the [photograph], what it is and the time, since MediaProvider gives up after
 * 32 files of the same name.
 */
fun resultName(photograph: String?, look: Look, time: Date = Date()): String {
    val stem = photograph?.substringBeforeLast('.')?.takeIf { it.isNotBlank() } ?: "photo"
    return "${stem}_${look.name.lowercase(Locale.ROOT)}_${SimpleDateFormat("yyyyMMdd_HHmmss", Locale.ROOT).format(time)}.png"
}
