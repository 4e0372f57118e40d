import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.android)
}

android {
    namespace = "org.kerasmatting.demo"
    compileSdk = 36

    defaultConfig {
        applicationId = "org.kerasmatting.demo"
        minSdk = 26
        targetSdk = 36
        versionCode = 1
        versionName = "0.1.0"
        testInstrumentationRunner = "androidx.test.runner.AndroidJUnitRunner"
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }
    androidResources {
        noCompress += "tflite" // memory-mapped from the APK
    }
    sourceSets {
        getByName("main") {
            // matting/ depends on neither Android nor TensorFlow Lite, inference/ not on Android
            kotlin.srcDirs("src/matting/kotlin", "src/inference/kotlin")
            assets.srcDir(layout.buildDirectory.dir("demo-assets").get().asFile)
        }
    }
}

kotlin {
    compilerOptions {
        jvmTarget = JvmTarget.JVM_1_8
        allWarningsAsErrors = true
    }
}

dependencies {
    implementation(libs.litert)
    implementation(libs.litert.gpu)
    implementation(libs.litert.gpu.api)
    androidTestImplementation(libs.test.runner)
    androidTestImplementation(libs.junit4)
}

/** Adds the files and golden vectors of `make demo` to the assets. */
val demoAssets = tasks.register<Sync>("demoAssets") {
    val demo = rootDir.resolve("../build/demo")
    into(layout.buildDirectory.dir("demo-assets"))
    from(demo) {
        include("*.tflite")
        into("models")
    }
    from(demo.resolve("golden")) { into("golden") }
    doFirst {
        if (!demo.isDirectory) logger.warn("build/demo not found, so the app will contain no model; run make demo first.")
    }
}
tasks.named("preBuild") { dependsOn(demoAssets) }
