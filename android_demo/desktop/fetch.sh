#!/usr/bin/env bash
# Fetches the dependencies of the Linux build: a JDK and Android's packaging tools from Debian, jars from Maven Central.
#
#     bash android_demo/desktop/fetch.sh [test | apk]
#
# Installs missing packages with apt-get if allowed to, and checks each jar against jars.sha256. Exit code 3: the
# JDK is missing and could not be installed.
set -euo pipefail
cd "$(dirname "$0")"
jars=../build/jars

missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }
need javac openjdk-17-jdk-headless
need mvn maven
need unzip unzip
if [ "${1:-test}" = apk ]; then
  for tool in aapt2:aapt zipalign:zipalign apksigner:apksigner dexdump:dexdump readelf:binutils zip:zip; do
    need "${tool%:*}" "${tool#*:}"
  done
  [ -f /usr/share/android-framework-res/framework-res.apk ] || missing+=(android-framework-res)
fi
if [ ${#missing[@]} -gt 0 ]; then
  echo "Installing ${missing[*]} ..."
  as_root=$([ "$(id -u)" = 0 ] || echo sudo -n)
  { $as_root apt-get -q update && $as_root apt-get -q install -y --no-install-recommends "${missing[@]}"; } \
    >/tmp/android_demo_apt.log 2>&1 || {
      tail -3 /tmp/android_demo_apt.log >&2
      echo "Could not install the Debian packages ${missing[*]}; install them and try again." >&2
      command -v javac >/dev/null || exit 3
      exit 1
    }
fi

if ! (cd $jars && sha256sum --quiet -c ../../desktop/jars.sha256) >/dev/null 2>&1; then
  echo "Fetching jars from Maven Central (300 MB the first time) ..."
  rm -rf $jars && mkdir -p $jars # Maven does not overwrite another version's file of the same name
  mvn -B -q -C -f pom.xml package >$jars/maven.log || {
    grep -m1 ERROR $jars/maven.log >&2
    echo "Maven could not fetch the jars (see the error above and android_demo/build/jars/maven.log)." >&2
    exit 1
  }
  (cd $jars && sha256sum --quiet -c ../../desktop/jars.sha256) || {
    echo "A jar does not match jars.sha256; remove android_demo/build/jars and try again." >&2
    exit 1
  }
fi

# An AAR is a zip archive of classes.jar and native libraries.
for aar in tensorflow-lite tensorflow-lite-api tensorflow-lite-desktop; do
  [ -d $jars/$aar ] || unzip -q -o $jars/$aar.aar -d $jars/$aar
done
[ -d $jars/tflite-native ] || unzip -q -o $jars/tflite-native.jar -d $jars/tflite-native
