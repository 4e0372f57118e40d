#!/usr/bin/env bash
# Matte photographs with the networks that ship, then show the workflow on a small scale: train a
# small network, quantize, export and check it. On a CPU in minutes.
#
#     bash recipes/demo.sh OUT
#
# Prints every command. If it is interrupted, run it again: it continues.
set -euo pipefail
out=$1
net=(--model modnet_mobilenetv2_mobile --width 0.5)
train=(--size 128 --batch_size 4 --optimizer adam --schedule cosine --closest 0.85)
float=$out/float/best.weights.h5
int8=$out/int8/best.weights.h5

run() { printf '\n\033[1m$ %s\033[0m\n' "$*"; "$@"; }

photographs=$out/photographs mattes=$out/mattes
mkdir -p "$photographs"
bundled=$(python -c 'import skimage.data, os; print(os.path.dirname(skimage.data.__file__))')
cp "$bundled"/{astronaut,chelsea,coffee}.png "$photographs"
run python -m keras_matting predict "$photographs/astronaut.png" "$mattes"
run python -m keras_matting predict "$photographs/chelsea.png" "$mattes" --network animal
run python -m keras_matting predict "$photographs/coffee.png" "$mattes" --trimap recipes/trimaps/coffee.png
run python recipes/contact_sheet.py "$photographs" "$mattes" "$out/mattes.jpg"

run python recipes/modnet.py "${net[@]}" "${train[@]}" --workdir "$out/float" \
  --learning_rate 3e-3 --epochs 2 --steps_per_epoch 200 --figures 200
run python recipes/modnet.py "${net[@]}" "${train[@]}" --workdir "$out/int8" \
  --quantize "$float" --learning_rate 3e-5 --epochs 1 --steps_per_epoch 60 --figures 60
options=("${net[@]}" --weights "$float" --qat_weights "$int8")
run python -m export.convert "${options[@]}" --size 128x128 --format float32,float16,int8_qat --out "$out"
files=("$out"/*_128x128_*.tflite)
run python -m export.parity "${files[@]}" "${options[@]}" --samples 24 --figure_kind portrait \
  --report "$out/report.html" --golden "$out/golden"
printf '\nMattes: %s  Report: %s\n' "$out/mattes.jpg" "$out/report.html"
