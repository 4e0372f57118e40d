package org.kerasmatting.demo

import android.graphics.drawable.Drawable
import android.graphics.drawable.GradientDrawable
import android.view.LayoutInflater
import android.widget.ImageView
import android.widget.LinearLayout
import android.widget.TextView
import org.kerasmatting.matting.Background

/** What is shown of a matted picture: the cut-out, a new background, or alpha itself. */
enum class Look(val label: Int, val background: Background?) {
    CUT_OUT(R.string.look_cut_out, null),
    WHITE(R.string.look_white, Background.WHITE),
    GREEN(R.string.look_green, Background.GREEN),
    BLACK(R.string.look_black, Background.BLACK),
    BLURRED(R.string.look_blurred, Background.BLURRED),
    PICTURE(R.string.look_picture, Background.PICTURE),
    ALPHA(R.string.look_alpha, null),
}

/** A strip of tiles in [row], one for each of [looks], of which one is chosen. */
class LookStrip(private val row: LinearLayout, looks: List<Look>, onTap: (Look) -> Unit) {
    private val tiles = looks.associateWith { tile(it, onTap) }

    var chosen: Look? = null
        set(value) {
            field = value
            for ((look, tile) in tiles) tile.isSelected = look == value // TalkBack says so
        }

    private fun tile(look: Look, onTap: (Look) -> Unit) = LayoutInflater.from(row.context).inflate(R.layout.tile, row, false).apply {
        findViewById<TextView>(R.id.tile_label).setText(look.label)
        findViewById<ImageView>(R.id.tile_swatch).setImageDrawable(swatch(look))
        contentDescription = context.getString(R.string.look_description, context.getString(look.label))
        setOnClickListener { onTap(look) }
        row.addView(this)
    }

    private fun swatch(look: Look): Drawable? = when (look) {
        Look.CUT_OUT -> row.context.getDrawable(R.drawable.swatch_cut_out)
        Look.BLURRED -> row.context.getDrawable(R.drawable.swatch_blurred)
        Look.PICTURE -> row.context.getDrawable(R.drawable.swatch_picture)
        Look.ALPHA -> row.context.getDrawable(R.drawable.swatch_alpha)
        else -> (row.context.getDrawable(R.drawable.swatch)!!.mutate() as GradientDrawable).apply {
            setColor(checkNotNull(look.background?.colour))
        }
    }
}
