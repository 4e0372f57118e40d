"""The text of --help: what a command does, examples, and its options in groups."""

import textwrap

from absl import flags

OPTIONS = ("--help", "-h", "--helpshort", "--helpfull")
WIDTH = 100


def of_all(commands):
    """List the commands of {name: (module, what it does)}."""
    width = max(map(len, commands))
    rows = [f"  {name:{width}}  {purpose}" for name, (_, purpose) in commands.items()]
    return "\n".join(
        [
            "Image matting: how much of each pixel is foreground, down to single hairs.",
            "",
            "    keras-matting predict portrait.jpg cutouts",
            "    keras-matting predict photographs cutouts --recursive --skip-existing",
            "    keras-matting evaluate --prediction cutouts --alpha alphas",
            "",
            "Commands:",
            *rows,
            "",
            "keras-matting COMMAND --help shows a command's options, --version the version.",
        ]
    )


def of_command(command):
    """Return the docstring of a command's module and its options, by its `GROUPS` if it has any.

    `GROUPS` is {heading: [flag name, ...]}; other flags are listed last, as "Options".
    """
    key_flags = flags.FLAGS.get_key_flags_for_module(command)
    rest = {flag.name: flag for flag in sorted(key_flags, key=lambda flag: flag.name)}
    groups = {
        heading: [rest.pop(name) for name in names]
        for heading, names in getattr(command, "GROUPS", {}).items()
    }
    groups["Options"] = rest.values()
    usages = (_usage(flag) for members in groups.values() for flag in members)
    width = min(max(map(len, usages), default=0), 28)
    lines = [command.__doc__.strip()]
    for heading, members in groups.items():
        lines += ["", f"{heading}:"]
        for flag in members:
            lines += _lines(flag, width)
    return "\n".join(lines)


def spelt(name):
    """Return a flag as the user writes it; underscores are accepted, too."""
    return f"--{name.replace('_', '-')}"


def _lines(flag, width):
    usage = _usage(flag)
    text = textwrap.wrap(_explained(flag), WIDTH - width - 4)
    if len(usage) > width:
        return [f"  {usage}", *(f"{'':{width}}    {line}" for line in text)]
    indents = [f"  {usage:{width}}", *[f"  {'':{width}}"] * len(text)]
    return [f"{indent}  {line}" for indent, line in zip(indents, text, strict=False)]


def _usage(flag):
    if flag.boolean:
        return spelt(f"no{flag.name}" if flag.default else flag.name)
    if values := getattr(flag.parser, "enum_values", None):
        return f"{spelt(flag.name)} {'|'.join(values)}"
    return f"{spelt(flag.name)} {flag.name.upper().rpartition('_')[2]}"


def _explained(flag):
    text = flag.help.strip().removesuffix(";\n    repeat this option to specify a list of values")
    if text.startswith("<"):  # absl lists the values of an enum
        text = text.partition(">: ")[2]
    known = flag.default not in (None, "", []) and not flag.boolean
    if not known or "default" in text.lower():
        return text
    value = ",".join(map(str, flag.default)) if isinstance(flag.default, list) else flag.default
    return f"{text.rstrip('.')} (default: {value})."
