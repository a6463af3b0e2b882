#!/usr/bin/env bash
# vqrae-small, from an ImageNet ViT-S/16 of timm to a checkpoint folder, in one command; a stopped run goes on:
#
#   bash training/recipes/vqrae-small.sh vit_small.safetensors mobilenet_v1.tflite OUT VAL DATA...
#
# vit_small.safetensors: timm's vit_small_patch16_224, whose pixels are -1 to 1. Its positions are stretched to 256 px. For another
# one, such as deit_small_patch16_224, set PROCESSOR to its preprocessor_config.json.
# mobilenet_v1.tflite: google-coral/test_data's mobilenet_v1_1.0_224_quant_embedding_extractor.tflite.
# VAL, DATA: folders or tars of images; "photos.tar*4" takes four views of each. OPTIONS adds --set fields to both stages.
set -euo pipefail
(($# >= 5)) || { sed -n '2,9s/^# \?//p' "$0"; exit 1; }
weights=$1 mobilenet=$2 out=$3 val=$4
shift 4
python=${PYTHON:-python}
train() { "$python" -m vqrae_training train --preset vqrae-small --val "$val" --data "${data[@]}" "$@"; }
data=("$@")
# shellcheck disable=SC2206 # words of their own
options=(loss.mobilenet="$mobilenet" ${OPTIONS:-})
mkdir -p "$out"
if [[ ! -e $out/encoder/model.safetensors ]]; then
  cat > "$out/vit.json" <<'JSON'
{ "model_type": "vit", "architectures": ["ViTForImageClassification"], "hidden_size": 384, "intermediate_size": 1536,
  "num_hidden_layers": 12, "num_attention_heads": 6, "image_size": 256, "patch_size": 16, "num_channels": 3,
  "layer_norm_eps": 1e-6, "hidden_act": "gelu", "qkv_bias": true, "num_labels": 1000 }
JSON
  "$python" -m vqrae_training import --from timm-vit "$weights" --config "$out/vit.json" --out "$out/encoder" \
    ${PROCESSOR:+--processor "$PROCESSOR"}
fi
train --stage 1 --encoder "$out/encoder" --out "$out/stage1" --set "${options[@]}"
train --stage 2 --encoder "$out/encoder" --init "$out/stage1/last.pt" --out "$out/stage2" --set "${options[@]}"
"$python" -m vqrae_training export "$out/stage2" --out "$out/vqrae-small"
