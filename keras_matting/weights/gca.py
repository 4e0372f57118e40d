"""Rename table for Yaoyi-Li/GCA-Matting's checkpoints."""


def _blocks(ours, published, shortcut):
    """Return rows for residual blocks; `shortcut` is the published name of the shortcut module."""
    return [
        (rf"{ours}_block(?P<b>\d)_conv(?P<c>\d)_conv", rf"{published}.\g<b>.conv\g<c>.module"),
        (rf"{ours}_block(?P<b>\d)_conv(?P<c>\d)_bn", rf"{published}.\g<b>.bn\g<c>"),
        (rf"{ours}_block(?P<b>\d)_shortcut_conv", rf"{published}.\g<b>.{shortcut}.1.module"),
        (rf"{ours}_block(?P<b>\d)_shortcut_bn", rf"{published}.\g<b>.{shortcut}.2"),
    ]


LAYERS = [
    (r"encoder(\d)_conv", r"encoder.conv\1.module"),
    (r"encoder(\d)_bn", r"encoder.bn\1"),
    *_blocks("encoder_stage4", "encoder.layer_bottleneck", "downsample"),
    *_blocks(r"encoder_stage(?P<s>\d)", r"encoder.layer\g<s>", "downsample"),
    *_blocks(r"decoder_stage(?P<s>\d)", r"decoder.layer\g<s>", "upsample"),
    *[
        pair
        for i in range(2)
        for pair in (
            (rf"skip(\d)_{i}_conv", rf"encoder.shortcut.\1.{3 * i}.module"),
            (rf"skip(\d)_{i}_bn", rf"encoder.shortcut.\1.{3 * i + 2}"),
        )
    ],
    *[
        pair
        for i in range(3)
        for pair in (
            (f"guidance{i}_conv", f"encoder.guidance_head.{4 * i + 1}.module"),
            (f"guidance{i}_bn", f"encoder.guidance_head.{4 * i + 3}"),
        )
    ],
    (r"(en|de)coder_attention_guidance_conv", r"\1coder.gca.guidance_conv"),
    (r"(en|de)coder_attention_out_conv", r"\1coder.gca.W.0"),
    (r"(en|de)coder_attention_out_bn", r"\1coder.gca.W.1"),
    ("decoder_last_conv", "decoder.conv1.module"),
    ("decoder_last_bn", "decoder.bn1"),
    ("alpha_logit_conv", "decoder.conv2"),
]
HEADS = IGNORED = r"(?!)"
ALIASES = {}
