#!/usr/bin/env bash
# Train every mobile variant on synthetic figures for minutes, fine-tune it quantization-aware, convert
# it to every format, check the files and write a table.
#
#     bash recipes/zoo.sh OUT TABLE
#
# Prints every command. If it is interrupted, run it again: it continues.
set -euo pipefail
out=$1 table=$2
common=(--size 96 --batch_size 4)

run() { printf '\n\033[1m$ %s\033[0m\n' "$*"; "$@"; }

# train VARIANT RECIPE FLAGS FLOAT_FLAGS QUANTIZED_FLAGS
train() {
  local float=$out/runs/$1/float int8=$out/runs/$1/int8
  local recipe=(python "recipes/$2.py" --model "$1" "${common[@]}" $3)
  run "${recipe[@]}" --workdir "$float" $4
  run "${recipe[@]}" --workdir "$int8" --quantize "$float/best.weights.h5" $5
  ln -sf "../runs/$1/float/best.weights.h5" "$out/weights/$1.weights.h5"
  ln -sf "../runs/$1/int8/best.weights.h5" "$out/weights/$1.qat.weights.h5"
}

mkdir -p "$out/weights"
short='--epochs 2 --steps_per_epoch 30'
train modnet_mobilenetv2_mobile modnet '--optimizer adam --schedule cosine --closest 0.85' \
  '--learning_rate 3e-3 --epochs 4 --steps_per_epoch 150' '--learning_rate 3e-5 --epochs 3 --steps_per_epoch 40'
train modnet_mobilenetv2_easpp_mobile modnet '--optimizer adam --schedule cosine --closest 0.85' \
  '--learning_rate 3e-3 --epochs 4 --steps_per_epoch 150' '--learning_rate 3e-5 --epochs 3 --steps_per_epoch 40'
train bgmv2_base_mobilenetv2_mobile bgmv2 '' \
  '--learning_rate 1e-3 --epochs 3 --steps_per_epoch 75' '--learning_rate 1e-4 --epochs 3 --steps_per_epoch 75'
train bisenetv2_mobile bisenetv2 '' \
  '--learning_rate 1e-3 --epochs 3 --steps_per_epoch 75' '--learning_rate 1e-4 --epochs 3 --steps_per_epoch 75'
train ppmatting_mobilenetv2_mobile ppmatting '--optimizer adam --figure_size 120' \
  '--learning_rate 3e-3 --epochs 3 --steps_per_epoch 75' "--learning_rate 3e-5 $short"
train gca_mobile gca '' \
  '--learning_rate 1e-3 --epochs 3 --steps_per_epoch 50' "--learning_rate 3e-5 $short"
train dim_vgg16_mobile dim '--stage everything' \
  '--learning_rate 3e-4 --epochs 3 --steps_per_epoch 40' "--learning_rate 3e-5 $short"
train dim_mobilenetv2_mobile dim '--stage everything' \
  '--learning_rate 1e-3 --epochs 3 --steps_per_epoch 40' "--learning_rate 3e-5 $short"
for representation in tt ft bt; do
  train "gfm_mobilenetv2_${representation}_mobile" gfm '' \
    '--learning_rate 1e-3 --epochs 3 --steps_per_epoch 50' "--learning_rate 3e-5 $short"
done

# the network that refines cells at full size: first its coarse part, then all of it; its patches
# have no rules for quantization-aware training
refining=bgmv2_mobilenetv2
recipe=(python recipes/bgmv2.py --model "$refining" "${common[@]}" --epochs 3 --steps_per_epoch 75)
run "${recipe[@]}" --workdir "$out/runs/$refining/base" --learning_rate 1e-3
run "${recipe[@]}" --workdir "$out/runs/$refining/float" --stage refine --base "$out/runs/$refining/base/best.weights.h5"
ln -sf "../runs/$refining/float/best.weights.h5" "$out/weights/$refining.weights.h5"

run python -m export.zoo --weights "$out/weights" --out "$out" --sizes 96x96 --timed 512x512 --table "$table"
