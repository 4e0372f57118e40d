#!/usr/bin/env bash
# What a Linux build needs: a JDK and Android's packaging tools from Debian, jars from Maven Central.
#
#     bash android_demo/desktop/fetch.sh [test | apk]
#
# Installs what is missing with apt-get where it may; each jar is checked against jars.sha256. Exit code 3:
# a JDK is missing and cannot be installed.
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
      echo "Could not install ${missing[*]}: install them (Debian's package names) and run this again." >&2
      command -v javac >/dev/null || exit 3
      exit 1
    }
fi

if ! (cd $jars && sha256sum --quiet -c ../../desktop/jars.sha256) >/dev/null 2>&1; then
  echo "Fetching jars from Maven Central (300 MB the first time) ..."
  rm -rf $jars && mkdir -p $jars # Maven leaves another version's file of the same name as it is
  mvn -B -q -C -f pom.xml package >$jars/maven.log || {
    grep -m1 ERROR $jars/maven.log >&2
    echo "Maven could not fetch the jars for the reason above; see android_demo/build/jars/maven.log." >&2
    exit 1
  }
  (cd $jars && sha256sum --quiet -c ../../desktop/jars.sha256) || {
    echo "A jar is not the one that jars.sha256 names; remove android_demo/build/jars and run this again." >&2
    exit 1
  }
fi

# An AAR is a zip with classes.jar and native libraries in it.
for aar in tensorflow-lite tensorflow-lite-api tensorflow-lite-desktop; do
  [ -d $jars/$aar ] || unzip -q -o $jars/$aar.aar -d $jars/$aar
done
[ -d $jars/tflite-native ] || unzip -q -o $jars/tflite-native.jar -d $jars/tflite-native
