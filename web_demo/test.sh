#!/usr/bin/env bash
# Tests of the page: its processing in node, the built page in Chromium, which is installed where possible.
#
#     bash web_demo/test.sh
set -euo pipefail
cd "$(dirname "$0")"

node --test tests/matting.test.mjs
browser() {
  command -v chromium || command -v chromium-browser || command -v google-chrome
}
if ! browser >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  (apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium) >/dev/null 2>&1 || true
fi
if ! CHROMIUM=$(browser); then
  echo "PAGE NOT TESTED IN A BROWSER: there is no chromium and it cannot be installed here."
  exit 0
fi
CHROMIUM=$CHROMIUM node --test --test-reporter=spec tests/browser.test.mjs
