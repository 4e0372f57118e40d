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
            assets.srcDir(layout.buildDirectory.dir("networks").get().asFile)
        }
    }
}

kotlin {
    compilerOptions {
        jvmTarget = JvmTarget.JVM_1_8
    }
}

dependencies {
    implementation(libs.litert)
    implementation(libs.litert.gpu)
    implementation(libs.litert.gpu.api)
    androidTestImplementation(libs.test.runner)
    androidTestImplementation(libs.junit4)
}

/** Adds the networks that ship with the package to the assets, and golden vectors if there are any. */
val networks = tasks.register<Sync>("networks") {
    val golden = rootDir.resolve("../build/android/shipped")
    into(layout.buildDirectory.dir("networks"))
    from(rootDir.resolve("../keras_matting/pretrained")) {
        include("*.tflite", "networks.json")
        into("models")
    }
    from(golden) {
        include("golden.json", "*_????????????????.bin")
        into("golden")
    }
    doFirst {
        if (!golden.resolve("golden.json").isFile) {
            logger.warn("No golden vectors, so Check will be empty; run make build/android/shipped/golden.json first.")
        }
    }
}
tasks.named("preBuild") { dependsOn(networks) }
