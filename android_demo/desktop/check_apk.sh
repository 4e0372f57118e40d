#!/usr/bin/env bash
# Checks an APK's name, versions, permissions, signature, classes and alignment.
#
#     bash android_demo/desktop/check_apk.sh APK
set -euo pipefail
apk=$1
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
fail() { echo "$apk: $*" >&2; exit 1; }

aapt2 dump badging "$apk" >"$found/badging"
for line in "package: name='org.kerasmatting.demo'" "sdkVersion:'26'" "targetSdkVersion:'36'" \
  "launchable-activity: name='org.kerasmatting.demo.MainActivity'"; do
  grep -q "^$line" "$found/badging" || fail "aapt2 does not report $line."
done
grep -q "^  uses-feature-not-required: name='android.hardware.camera'" "$found/badging" || fail "it requires a camera."
aapt2 dump xmltree --file AndroidManifest.xml "$apk" >"$found/manifest"
grep -q '"libOpenCL.so"' "$found/manifest" || fail "it does not declare libOpenCL.so for the GPU delegate."
permissions=$(sed -n "s/^uses-permission: name='\(.*\)'/\1/p" "$found/badging")
[ "$permissions" = android.permission.CAMERA ] || fail "it requests the permissions $permissions instead of CAMERA only."

apksigner verify --verbose --min-sdk-version 26 "$apk" >"$found/signature" || fail "invalid signature."
grep -q "Verified using v2 scheme.*true" "$found/signature" || fail "no v2 signature."

unzip -q -o "$apk" -d "$found/apk"
: >"$found/classes"
for dex in "$found"/apk/classes*.dex; do dexdump "$dex" >>"$found/classes"; done
for class in MainActivity PhotoActivity CameraActivity CheckActivity; do
  grep -q "Class descriptor  : 'Lorg/kerasmatting/demo/$class;'" "$found/classes" || fail "class not found: $class."
done
grep -q "'Lorg/tensorflow/lite/Interpreter;'" "$found/classes" || fail "class not found: Interpreter."
[ -f "$found/apk/assets/golden/golden.json" ] || fail "no golden vectors."
ls "$found"/apk/assets/models/*.tflite >/dev/null || fail "no model."

[ -f "$found/apk/lib/arm64-v8a/libtensorflowlite_jni.so" ] || fail "no native library for 64-bit phones."

zipalign -c 16384 "$apk" || fail "uncompressed entries are not aligned to 16 KB."
# 32-bit code always uses 4 KB pages. RELRO must end at a page boundary, or data behind it becomes read-only, too.
for library in "$found"/apk/lib/*64*/*.so; do
  while read -r kind address length step; do
    [ "$kind" != LOAD ] || [ $((step)) -ge 16384 ] || fail "${library#"$found"/apk/} is linked for $((step))-byte pages."
    [ "$kind" != GNU_RELRO ] || [ $(((address + length) % 16384)) = 0 ] || fail "${library#"$found"/apk/}: RELRO does not end at a 16 KB boundary."
  done < <(readelf -lW "$library" | awk '$1 == "LOAD" || $1 == "GNU_RELRO" { print $1, $3, $6, $NF }')
done

printf '%s: %s bytes, permissions: %s, classes: %s, signed (v2), supports 4 KB and 16 KB pages\n' "$apk" \
  "$(stat -c %s "$apk")" "$permissions" "$(grep -c 'Class descriptor' "$found/classes")"
