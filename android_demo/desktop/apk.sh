#!/usr/bin/env bash
# Builds the APK on Linux without Android Studio: Kotlin compiler, D8 and TensorFlow Lite come from Maven
# Central, the packaging tools from Debian. It is signed with a debug key, which is created once in build/.
#
#     bash android_demo/desktop/apk.sh FOLDER
#
# FOLDER contains .tflite files, their golden vectors and networks.json, as written by tools/shipped_files.py.
set -euo pipefail
cd "$(dirname "$0")/.."
. desktop/kotlinc.sh
models=$1
out=build/apk
jars=build/jars
framework=/usr/share/android-framework-res/framework-res.apk
tflite=$jars/tensorflow-lite/classes.jar:$jars/tensorflow-lite-api/classes.jar
version=$(sed -n 's/.*versionName = "\(.*\)".*/\1/p' app/build.gradle.kts)
rm -rf $out && mkdir -p $out/{classes,dex,gen,package/assets/models,package/assets/golden}

echo "Linking resources ..."
aapt2 compile --dir app/src/main/res -o $out/resources.zip
# Adds what Gradle's manifest merger would add.
sed "s|<manifest |<manifest package=\"org.kerasmatting.demo\" |; \
     s|<application|<uses-sdk android:minSdkVersion=\"26\" android:targetSdkVersion=\"36\" />\n    <application android:debuggable=\"true\" android:extractNativeLibs=\"false\"|" \
  app/src/main/AndroidManifest.xml >$out/AndroidManifest.xml
# Debian's aapt2 does not know <uses-native-library>, which is of Android 12.
aapt2 link --warn-manifest-validation -I $framework --manifest $out/AndroidManifest.xml --version-code 1 --version-name "$version" \
  --java $out/gen -o $out/resources.apk $out/resources.zip 2>$out/link.log || { cat $out/link.log >&2; exit 1; }

echo "Compiling ..."
javac -nowarn -source 8 -target 8 -Xlint:-options -d $out/classes $out/gen/org/kerasmatting/demo/R.java
kotlinc $out/classes "$out/classes:$jars/android.jar:$tflite" \
  app/src/matting/kotlin app/src/inference/kotlin app/src/main/kotlin
(cd $out/classes && zip -q -r ../classes.jar .)
java -Xmx1500m -cp $jars/r8.jar com.android.tools.r8.D8 --debug --min-api 26 --lib $jars/android.jar --output $out/dex \
  $out/classes.jar $stdlib ${tflite//:/ } 2>$out/d8.log || { cat $out/d8.log >&2; exit 1; }

echo "Packaging ..."
cp "$models"/*.tflite "$models"/networks.json $out/package/assets/models/
cp "$models"/golden.json "$models"/*_????????????????.bin $out/package/assets/golden/
cp $out/dex/classes*.dex $out/package/
for abi in arm64-v8a armeabi-v7a; do # phones only: the x86_64 library is not aligned for 16 KB pages
  mkdir -p $out/package/lib/$abi
  cp $jars/tensorflow-lite/jni/$abi/*.so $out/package/lib/$abi/
done
python3 desktop/pack.py $out/aligned.apk $out/resources.apk $out/package

key=build/debug.keystore
[ -f $key ] || keytool -genkeypair -keystore $key -storepass android -alias debug -keyalg RSA -keysize 2048 \
  -validity 10000 -dname "CN=Debug" 2>$out/keytool.log
apksigner sign --ks $key --ks-pass pass:android --min-sdk-version 26 --out $out/matting-debug.apk $out/aligned.apk
bash desktop/check_apk.sh $out/matting-debug.apk
