"""Rename table for HRNet's ImageNet checkpoints as its authors and timm name them.

Their modules are numbered from 0, ours from 1, so that published names are functions of the match.
"""

_MODULE = r"backbone_stage(?P<stage>\d)_module(?P<module>\d)"
_PLACES = {"conv": 0, "bn": 1}  # in a sequence


def _row(ours, theirs):
    """Return a row; `theirs` is a format of the match's groups, with numbers from 0."""

    def published(match):
        groups = match.groupdict()
        from_0 = {key: int(x) - 1 for key, x in groups.items() if x.isdigit()}
        return theirs.format(number=groups, place=_PLACES[groups["kind"]], **groups | from_0)

    return f"{ours}_(?P<kind>conv|bn)", published


CLASSIFICATION = [
    _row(r"backbone_stem(?P<i>\d)", "{kind}{number[i]}"),
    _row(
        r"backbone_stage1_block(?P<block>\d)_conv(?P<i>\d)",
        "layer1.{block}.{kind}{number[i]}",
    ),
    _row("backbone_stage1_block1_shortcut", "layer1.0.downsample.{place}"),
    _row("backbone_transition1_1", "transition1.0.{place}"),
    _row(
        r"backbone_transition(?P<i>\d)_(?P<branch>\d)",
        "transition{number[i]}.{branch}.0.{place}",
    ),
    _row(
        rf"{_MODULE}_branch(?P<branch>\d)_block(?P<block>\d)_conv(?P<i>\d)",
        "stage{number[stage]}.{module}.branches.{branch}.{block}.{kind}{number[i]}",
    ),
    _row(
        rf"{_MODULE}_fuse(?P<to>\d)_(?P<start>\d)",
        "stage{number[stage]}.{module}.fuse_layers.{to}.{start}.{place}",
    ),
    _row(
        rf"{_MODULE}_fuse(?P<to>\d)_(?P<start>\d)_(?P<step>\d)",
        "stage{number[stage]}.{module}.fuse_layers.{to}.{start}.{step}.{place}",
    ),
]
