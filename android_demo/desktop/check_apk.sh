#!/usr/bin/env bash
# Is an APK what its build promises? Name, versions, permissions, signature, classes, alignment.
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
  grep -q "^$line" "$found/badging" || fail "aapt2 does not show $line."
done
permissions=$(sed -n "s/^uses-permission: name='\(.*\)'/\1/p" "$found/badging")
[ "$permissions" = android.permission.CAMERA ] || fail "it asks for $permissions, and not for the camera alone."

apksigner verify --verbose --min-sdk-version 26 "$apk" >"$found/signature" || fail "its signature is not valid."
grep -q "Verified using v2 scheme.*true" "$found/signature" || fail "it has no v2 signature."

unzip -q -o "$apk" -d "$found/apk"
: >"$found/classes"
for dex in "$found"/apk/classes*.dex; do dexdump "$dex" >>"$found/classes"; done
for class in MainActivity PhotoActivity CameraActivity CheckActivity; do
  grep -q "Class descriptor  : 'Lorg/kerasmatting/demo/$class;'" "$found/classes" || fail "it has no $class."
done
grep -q "'Lorg/tensorflow/lite/Interpreter;'" "$found/classes" || fail "it has no interpreter."
[ -f "$found/apk/assets/golden/golden.json" ] || fail "it has no golden vectors."
ls "$found"/apk/assets/models/*.tflite >/dev/null || fail "it has no network."

[ -f "$found/apk/lib/arm64-v8a/libtensorflowlite_jni.so" ] || fail "it has no library for 64-bit phones."

zipalign -c 16384 "$apk" || fail "its uncompressed entries are not aligned to 16 KB."
# 32-bit code always has pages of 4 KB. RELRO's end: what shares its page becomes read-only with it.
for library in "$found"/apk/lib/*64*/*.so; do
  while read -r kind address length step; do
    [ "$kind" != LOAD ] || [ $((step)) -ge 16384 ] || fail "${library#"$found"/apk/} is linked for pages of $((step)) bytes."
    [ "$kind" != GNU_RELRO ] || [ $(((address + length) % 16384)) = 0 ] || fail "${library#"$found"/apk/}: RELRO ends within a page of 16 KB."
  done < <(readelf -lW "$library" | awk '$1 == "LOAD" || $1 == "GNU_RELRO" { print $1, $3, $6, $NF }')
done

printf '%s: %s bytes, permissions: %s, classes: %s, signed (v2), made for pages of 4 and 16 KB\n' "$apk" \
  "$(stat -c %s "$apk")" "$permissions" "$(grep -c 'Class descriptor' "$found/classes")"
