#!/usr/bin/env bash
# Make the networks that ship, from photographs to the files in keras_matting/pretrained. On two
# processor cores: hours.
#
#     bash recipes/pretrained.sh PHOTOGRAPHS OUT [NAME...]        # all networks, or these
#
# PHOTOGRAPHS, of which docs/pretrained.md names the origin, has
#
#     people/image, people/labels      street photographs with label maps, in which 19 is hair
#     portraits, animals               image/ and alpha/
#     cats, davis                      image/ and mask/
#     objects, backgrounds             RGBA cut-outs; pictures without people
#     calibration                      a few dozen photographs, for the ranges of int8 files
#     selfie_segmentation.tflite       MediaPipe's, which finds doubtful masks of people
#     mobilenet_v2_1.0_224_quant.tflite
#
# Prints every command. If it is interrupted, run it again: it continues.
set -euo pipefail
photographs=$1 out=$2
shift 2
data=$out/data runs=$out/runs
backbone=$photographs/mobilenet_v2_1.0_224_quant.tflite
modnet=(--model modnet_mobilenetv2_mobile)
narrow=(--option branch_width=0.5)
schedule=(--optimizer adam --schedule cosine --clip 5 --average 0.995)

run() { printf '\n\033[1m$ %s\033[0m\n' "$*"; "$@"; }
recipe() { local name=$1; shift; run python "recipes/$name.py" --steps_per_epoch 100 "$@"; }
ship() { local name=$1; shift; run python -m export.ship "$name" --images "$photographs/calibration" "$@"; }

# --foregrounds of prepared folders with shares: share people=0.4 portraits=0.6
share() { for pair; do printf -- '--foregrounds %s ' "${pair/#synthetic/synthetic}"; done; }

prepare() {
  run python -m keras_matting.data refine --images "$photographs/people/image" --masks "$photographs/people/labels" \
    --foreground_values 1,58 --hair_value 19 --teacher "$photographs/selfie_segmentation.tflite" --out "$data/people"
  for name in portraits animals; do
    run python -m keras_matting.data foregrounds --images "$photographs/$name/image" --alphas "$photographs/$name/alpha" --out "$data/$name"
  done
  for name in cats davis; do
    run python -m keras_matting.data refine --images "$photographs/$name/image" --masks "$photographs/$name/mask" --out "$data/$name"
  done
  # animals are backgrounds of people, too: they teach what is not a person
  mkdir -p "$data/scenes"
  for folder in "$photographs/backgrounds" "$data/animals/image" "$data/cats/image"; do
    for path in "$folder"/*; do ln -sf "$(realpath "$path")" "$data/scenes/$(basename "$(dirname "$folder")")_$(basename "$path")"; done
  done
}
