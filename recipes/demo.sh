#!/usr/bin/env bash
# The whole way once, on the CPU in minutes: compose, train, quantize, export, check, matte a photograph.
# Usage: bash recipes/demo.sh OUT. Every command is shown; stages that are done are not done again.
set -euo pipefail
out=$1
model=(--model modnet_mobilenetv2_mobile --width 0.5)
data=(--size 128 --figures 400 --batch_size 8)

run() { printf '\n\033[1m$ %s\033[0m\n' "$*"; "$@"; }

run python recipes/modnet.py "${model[@]}" "${data[@]}" --workdir "$out/float" \
  --optimizer adam --schedule cosine --learning_rate 3e-3 --epochs 8 --steps_per_epoch 150
run python recipes/modnet.py "${model[@]}" "${data[@]}" --workdir "$out/qat" \
  --quantize "$out/float/best.weights.h5" \
  --optimizer adam --schedule cosine --learning_rate 1e-4 --epochs 2 --steps_per_epoch 100
