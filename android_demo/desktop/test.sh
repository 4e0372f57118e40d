#!/usr/bin/env bash
# Tests the app's pixel and inference code on Linux, with org.tensorflow.lite.Interpreter, against results from
# Python: fixtures, golden vectors of small files, of the networks that ship, and of `make demo` if it has run.
#
#     bash android_demo/desktop/test.sh SMALL SHIPPED [DEMO]
set -euo pipefail
cd "$(dirname "$0")/.."
. desktop/kotlinc.sh
sources=app/src
out=build/test
rm -rf $out && mkdir -p $out

# matting/ is compiled alone to prove that it needs neither Android nor TensorFlow Lite.
kotlinc $out/matting "" $sources/matting/kotlin
kotlinc $out/inference "$out/matting:$tflite_desktop:build/jars/json.jar" $sources/inference/kotlin
kotlinc $out/tests "$out/matting:$out/inference:$tflite_desktop:build/jars/json.jar:build/jars/junit.jar" \
  desktop/tests/kotlin

golden=$(IFS=:; echo "$*")
java -Djava.library.path=build/jars/tflite-native/native/lib -Dgolden="$golden" -Dfixtures=desktop/tests/fixtures \
  -jar build/jars/junit.jar execute --scan-classpath $out/tests --disable-banner --details=summary \
  --class-path "$out/tests:$out/inference:$out/matting:$stdlib:$tflite_desktop:build/jars/json.jar" \
  --fail-if-no-tests
