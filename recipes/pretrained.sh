#!/usr/bin/env bash
# Make the networks that ship, from photographs to the files in keras_matting/pretrained.
#
#     bash recipes/pretrained.sh PHOTOGRAPHS OUT NAME...     # such as portrait trimap
#
# docs/pretrained.md names the origin of PHOTOGRAPHS, which has
#
#     people/image, people/labels        street photographs with label maps, in which 19 is hair
#     unlabelled                         more photographs of people
#     portraits, animals                 image/ and alpha/
#     cats, davis                        image/ and mask/
#     objects, backgrounds               RGBA cut-outs; pictures without people
#     calibration                        a few dozen photographs that int8 files are checked on
#     selfie_segmentation.tflite         MediaPipe's, which finds doubtful masks of people
#     mobilenet_v2_1.0_224_quant.tflite  Google's, trained on ImageNet
#
# Prints every command. If it is interrupted, run it again: it continues. On two processor cores a
# network takes one to three hours.
set -euo pipefail
photographs=$1 out=$2
shift 2
data=$out/data runs=$out/runs
backbone=(--backbone "$photographs/mobilenet_v2_1.0_224_quant.tflite")
people=(--foregrounds "$data/portraits=0.6" --foregrounds "$data/people=0.4")
more_people=(--foregrounds "$data/portraits=0.48" --foregrounds "$data/people=0.28" --foregrounds "$data/unlabelled=0.24")
scenes=(--backgrounds "$data/scenes")
everywhere=(--backgrounds "$data/everywhere")

run() { printf '\n\033[1m$ %s\033[0m\n' "$*"; "$@"; }

# train RUN RECIPE FLAGS...: the recipe in $runs/RUN
train() {
  local workdir=$runs/$1 recipe=$2
  shift 2
  run python "recipes/$recipe.py" --workdir "$workdir" "$@"
}

# ship NAME TASK RUN FILES FLAGS...
ship() {
  local name=$1 task=$2 weights=$runs/$3/last.weights.h5 files=$4
  shift 4
  run python -m export.ship "$name" --task "$task" --weights "$weights" --files "$files" --images "$photographs/calibration" "$@"
}

prepare() {
  run python -m keras_matting.data refine --images "$photographs/people/image" --masks "$photographs/people/labels" \
    --foreground_values 1,58 --hair_value 19 --teacher "$photographs/selfie_segmentation.tflite" --out "$data/people"
  run python -m keras_matting.data refine --images "$photographs/unlabelled" --teacher "$photographs/selfie_segmentation.tflite" \
    --out "$data/unlabelled"
  for name in portraits animals; do
    run python -m keras_matting.data foregrounds --images "$photographs/$name/image" --alphas "$photographs/$name/alpha" --out "$data/$name"
  done
  for name in cats davis; do
    run python -m keras_matting.data refine --images "$photographs/$name/image" --masks "$photographs/$name/mask" --out "$data/$name"
  done
  # animals are backgrounds of people, too: they teach what is not a person
  mkdir -p "$data/scenes" "$data/everywhere"
  ln -sf "$(realpath "$photographs/backgrounds")"/* "$data/scenes"
  for folder in "$photographs/backgrounds" "$photographs/animals/image" "$photographs/cats/image"; do
    ln -sf "$(realpath "$folder")"/* "$data/everywhere"
  done
}

modnet=(--model modnet_mobilenetv2_mobile --branch_width 0.5 --photographs --size 384 --batch_size 4 --optimizer adam
  --schedule cosine --clip 5)
long=(--steps_per_epoch 100 --average 0.995)

portrait() {
  # one training, restarted twice with a shorter schedule; the first run was to have 40 epochs and
  # was ended after 8
  train portrait1 modnet "${modnet[@]}" "${long[@]}" "${people[@]}" "${everywhere[@]}" "${backbone[@]}" --sizes 256,256,384,512 \
    --learning_rate 1.5e-3 --epochs 8
  train portrait2 modnet "${modnet[@]}" "${long[@]}" "${people[@]}" "${everywhere[@]}" --weights "$runs/portrait1/best.weights.h5" \
    --sizes 256,256,384,512 --learning_rate 1.2e-3 --epochs 22
  train portrait3 modnet "${modnet[@]}" "${long[@]}" "${people[@]}" "${everywhere[@]}" --weights "$runs/portrait2/best.weights.h5" \
    --sizes 256,384,384,512 --learning_rate 1e-3 --epochs 24
  train portrait_int8 modnet "${modnet[@]}" "${people[@]}" "${everywhere[@]}" --quantize "$runs/portrait3/last.weights.h5" \
    --learning_rate 2e-5 --epochs 1 --steps_per_epoch 90
  ship portrait "people, from the photograph alone" portrait3 float16:448,int8:384 \
    --qat_weights "$runs/portrait_int8/last.weights.h5" --model modnet_mobilenetv2_mobile --option branch_width=0.5
}

dim=(--model dim_mobilenetv2_mobile --stage everything --photographs --size 256)

trimap() {
  train trimap dim "${dim[@]}" "${long[@]}" "${scenes[@]}" "${backbone[@]}" --foregrounds "$data/animals=0.28" \
    --foregrounds "$data/portraits=0.22" --foregrounds "$data/people=0.12" --foregrounds "$photographs/objects=0.22" \
    --foregrounds synthetic=0.16 --figure_size 512 --batch_size 8 --sizes 256,256,320,384 --learning_rate 1.5e-3 --epochs 30
  train trimap_int8 dim "${dim[@]}" "${scenes[@]}" --quantize "$runs/trimap/last.weights.h5" --foregrounds "$data/animals=0.4" \
    --foregrounds "$data/portraits=0.35" --foregrounds "$photographs/objects=0.25" --batch_size 6 --learning_rate 3e-5 --epochs 1 \
    --steps_per_epoch 80
  ship trimap "any object, with a trimap" trimap int8:512 --model dim_mobilenetv2_mobile \
    --qat_weights "$runs/trimap_int8/last.weights.h5"
}

captured_background() {
  local captured=(--model bgmv2_base_mobilenetv2_mobile --cosine --batch_size 4)
  # the second run was to have 22 epochs and was ended after 5
  train captured1 bgmv2 "${captured[@]}" "${long[@]}" "${scenes[@]}" "${backbone[@]}" --foregrounds "$data/portraits=0.55" \
    --foregrounds "$data/people=0.45" --size 384 --learning_rate 1e-3 --epochs 7
  train captured2 bgmv2 "${captured[@]}" "${long[@]}" "${scenes[@]}" --weights "$runs/captured1/last.weights.h5" \
    --foregrounds "$data/portraits=0.55" --foregrounds "$data/people=0.45" --size 512 --learning_rate 1.5e-3 --epochs 5
  train captured3 bgmv2 "${captured[@]}" "${long[@]}" "${scenes[@]}" "${more_people[@]}" --weights "$runs/captured2/last.weights.h5" \
    --size 512 --learning_rate 1.3e-3 --epochs 9
  train captured_int8 bgmv2 "${captured[@]}" "${scenes[@]}" --quantize "$runs/captured3/last.weights.h5" \
    --foregrounds "$data/portraits=0.55" --foregrounds "$data/people=0.45" --size 512 --learning_rate 3e-5 --epochs 1 --steps_per_epoch 60
  ship captured_background "people, with a photograph of the empty scene" captured3 float16:512,int8:512 \
    --model bgmv2_base_mobilenetv2_mobile --qat_weights "$runs/captured_int8/last.weights.h5"
}

animal() {
  local animals=(--foregrounds "$data/animals=0.6" --foregrounds "$data/cats=0.2" --foregrounds "$data/davis=0.1" --foregrounds synthetic=0.1)
  train animal1 modnet "${modnet[@]}" "${long[@]}" "${scenes[@]}" "${animals[@]}" --weights keras_matting/pretrained/portrait.weights.h5 \
    --figure_kind animal --figures 200 --figure_size 512 --sizes 384,256,384,512 --learning_rate 1e-3 --epochs 7
  train animal2 modnet "${modnet[@]}" "${long[@]}" "${scenes[@]}" --weights "$runs/animal1/last.weights.h5" --sizes 384,320,384,448 \
    --foregrounds "$data/animals=0.62" --foregrounds "$data/cats=0.26" --foregrounds "$data/davis=0.12" --learning_rate 1e-3 --epochs 10
  train animal_int8 modnet "${modnet[@]}" "${scenes[@]}" --quantize "$runs/animal2/last.weights.h5" --foregrounds "$data/animals=0.75" \
    --foregrounds "$data/cats=0.25" --learning_rate 3e-5 --epochs 1 --steps_per_epoch 80
  ship animal "animals, from the photograph alone" animal2 float16:384,int8:384 --qat_weights "$runs/animal_int8/last.weights.h5" \
    --model modnet_mobilenetv2_mobile --option branch_width=0.5
}

prepare
for name; do "$name"; done
