#!/usr/bin/env bash
# Train, quantize, export and check a small network and matte a photograph, on a CPU in minutes.
#
#     bash recipes/demo.sh OUT
#
# Prints every command. If it is interrupted, run it again: it continues.
set -euo pipefail
out=$1
net=(--model modnet_mobilenetv2_mobile --width 0.5)
train=(--size 128 --batch_size 4 --optimizer adam --schedule cosine)
float=$out/float/best.weights.h5
int8=$out/int8/best.weights.h5

run() { printf '\n\033[1m$ %s\033[0m\n' "$*"; "$@"; }

mkdir -p "$out"
run python recipes/modnet.py "${net[@]}" "${train[@]}" --workdir "$out/float" \
  --learning_rate 3e-3 --closest 0.85 --epochs 4 --steps_per_epoch 430 --figures 400
run python recipes/modnet.py "${net[@]}" "${train[@]}" --workdir "$out/int8" \
  --quantize "$float" --learning_rate 3e-5 --closest 0.85 --epochs 1 --steps_per_epoch 60 --figures 60
run python -m export.convert "${net[@]}" --size 128x128 \
  --format float32,float16,int8_qat \
  --weights "$float" --qat_weights "$int8" --out "$out"
files=("$out"/*_128x128_*.tflite)
run python -m export.parity "${files[@]}" "${net[@]}" \
  --weights "$float" --qat_weights "$int8" --samples 48 --figure_kind portrait --report "$out/report.html" \
  --golden "$out/golden"

photograph=$(python -c 'import skimage.data, os; print(os.path.dirname(skimage.data.__file__))')/astronaut.png
run python -m keras_matting.predict "$photograph" "$out/mattes" \
  --tflite "$out/modnet_mobilenetv2_mobile_128x128_int8_qat.tflite"
printf '\nReport: %s  Mattes: %s\n' "$out/report.html" "$out/mattes"
