package org.kerasmatting.demo

import android.app.Application

class MattingApp : Application() {
    override fun onCreate() {
        super.onCreate()
        Settings(this).recover()
    }
}
