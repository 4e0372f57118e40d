#!/usr/bin/env bash
# Runs the app's activities in Robolectric on Linux: taps, screen rotation, denied permissions. Saves a picture of
# every screen in android_demo/build/screens/.
#
#     bash android_demo/desktop/screens.sh PHOTOGRAPH
#
# Run apk.sh first; its classes, resources and assets are used. Phones have another interpreter, see README.md.
set -euo pipefail
photograph=$(realpath "$1")
cd "$(dirname "$0")/.."
. desktop/kotlinc.sh
jars=build/jars
out=build/screens
[ -f build/apk/resources.apk ] || { echo "build/apk not found; run make android-apk first." >&2; exit 1; }
[ -d $jars/robolectric/android ] || mvn -B -q -C -f desktop/screens/pom.xml package
for aar in $jars/robolectric/*.aar; do
  [ -f "${aar%.aar}.jar" ] || unzip -q -p "$aar" classes.jar >"${aar%.aar}.jar"
done
rm -rf $out && mkdir -p $out/classes/com/android/tools $out/app
(cd $out/app && unzip -q ../../apk/classes.jar 'org/kerasmatting/demo/R*')

# Recompiled, since the desktop's interpreter has a class where the phone's has an interface.
kotlinc $out/app "$out/app:$jars/android.jar:$tflite_desktop" \
  app/src/matting/kotlin app/src/inference/kotlin app/src/main/kotlin
libraries=$(echo $jars/robolectric/*.jar | tr ' ' ':')
kotlinc $out/classes "$out/app:$jars/android.jar:$libraries:$tflite_desktop" desktop/screens/kotlin app/src/androidTest/kotlin
cat >$out/classes/com/android/tools/test_config.properties <<END
android_merged_manifest=$PWD/build/apk/AndroidManifest.xml
android_resource_apk=$PWD/build/apk/matting-debug.apk
android_custom_package=org.kerasmatting.demo
END
java -Xmx2g --add-opens=java.base/{java.io,java.lang,java.lang.reflect,java.nio,java.util,java.net}=ALL-UNNAMED \
  -Drobolectric.offline=true -Drobolectric.dependency.dir=$jars/robolectric/android \
  -Dphotograph="$photograph" -Dscreens=$PWD/$out -Djava.library.path=$jars/tflite-native/native/lib \
  -cp "$out/classes:$out/app:$stdlib:$tflite_desktop:$libraries:$(echo $jars/robolectric/android/*.jar)" org.junit.runner.JUnitCore org.kerasmatting.demo.ScreensTest
