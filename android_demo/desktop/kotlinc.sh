# Runs the Kotlin compiler from its jars; sourced by test.sh, apk.sh and screens.sh in android_demo.

stdlib=build/jars/kotlinc/kotlin-stdlib.jar
tflite_desktop=build/jars/tensorflow-lite-desktop/classes.jar

# Usage: kotlinc OUT CLASSPATH FOLDER... (warnings are errors)
kotlinc() {
  local out=$1 classpath=$2
  shift 2
  java -Xmx1g -XX:TieredStopAtLevel=1 -cp "build/jars/kotlinc/*" org.jetbrains.kotlin.cli.jvm.K2JVMCompiler \
    -no-stdlib -no-reflect -jvm-target 1.8 -Werror -Xjdk-release=1.8 \
    -cp "$stdlib${classpath:+:$classpath}" -d "$out" "$@"
}
