"""Render fur and hair with exact alpha in Blender: foregrounds for training with a trimap.

    blender -b --python recipes/render_fur.py -- FOLDER --count 100 --lights HDRIS --threads 2

Writes FOLDER/fur_0000.png and so on, RGBA of 512x512 with straight colour, and beside the folder
FOLDER_contact_sheet.png. A number is the seed of its picture, whatever else is rendered. Pictures
that are there are kept, so the same command continues an interrupted run; --first starts elsewhere,
for several machines.

HDRIS is a folder of .hdr panoramas (such as those of polyhaven.com, CC0), which light the figures
from all sides; without, there is a plain sky. Needs Blender 3.4 or later (Debian: blender and
python3-numpy); about 45 seconds a picture on one core. Then

    python recipes/dim.py --foregrounds FOLDER=0.3 --foregrounds OTHERS=0.7 ...
"""

import argparse
import math
import os
from pathlib import Path
import random
import sys

import bpy

SIDE = 512  # pixels
SHAPES = ["monkey", "ball", "ball", "blob", "blob", "pair", "torus"]
SHEET = dict(columns=8, side=128)


def main():
    options = parsed(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else [])
    options.folder.mkdir(parents=True, exist_ok=True)
    lights = sorted(options.lights.glob("*.hdr")) if options.lights else []
    if options.lights and not lights:
        sys.exit(f"{options.lights} contains no .hdr panoramas")
    last = options.first + options.count
    for number in range(options.first, last):
        path = options.folder / f"fur_{number:04d}.png"
        if not path.exists():
            draw(random.Random(number), lights, options.threads)
            render(path)
            print(f"[{number - options.first + 1}/{options.count}] {path.name}", flush=True)
    folder = options.folder
    # beside the folder, whose pictures are foregrounds
    sheet = folder.with_name(f"{folder.name}_contact_sheet.png")
    contact_sheet(sorted(folder.glob("fur_*.png")), sheet)


def parsed(arguments):
    parser = argparse.ArgumentParser(prog="render_fur.py", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder to write to")
    parser.add_argument("--count", type=int, default=25, help="number of pictures")
    parser.add_argument("--first", type=int, default=0, help="number, and seed, of the first")
    parser.add_argument("--lights", type=Path, help="folder of .hdr panoramas")
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count(), help="threads of the renderer"
    )
    return parser.parse_args(arguments)


def draw(chance, lights, threads):
    """Build the scene of one picture: figures with hair, light and a camera."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.film_transparent = True
    scene.render.resolution_x = scene.render.resolution_y = SIDE
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA"
    scene.view_settings.view_transform = chance.choice(["Standard", "Filmic"])
    cycles = scene.cycles
    cycles.samples, cycles.max_bounces, cycles.transparent_max_bounces = 20, 2, 4
    cycles.use_denoising, cycles.filter_width = False, 1.2  # a denoiser would smear thin hair
    coat = material(chance)
    length = chance.choice([0.12, 0.2, 0.3, 0.45, 0.7]) * chance.uniform(0.8, 1.3)
    for figure in figures(chance):
        figure.data.materials.append(coat)
        grow(figure, chance, length)
    light(scene, chance, lights)
    camera(scene, chance)


def figures(chance):
    """Return one or two smooth, uneven bodies."""
    shape, mesh = chance.choice(SHAPES), bpy.ops.mesh
    if shape == "monkey":
        mesh.primitive_monkey_add(size=2)
    elif shape == "torus":
        mesh.primitive_torus_add(major_radius=0.9, minor_radius=chance.uniform(0.25, 0.45))
    else:
        mesh.primitive_ico_sphere_add(subdivisions=3, radius=1)
    body = bpy.context.object
    body.scale = [chance.uniform(0.6, 1.2) for _ in range(3)]
    body.rotation_euler = [chance.uniform(-turn, turn) for turn in (0.6, 0.4, 1.2)]
    found = [body]
    if shape == "pair":
        place = (chance.uniform(-1, 1), 0, chance.uniform(0.6, 1.2))
        mesh.primitive_ico_sphere_add(subdivisions=3, radius=0.6, location=place)
        found.append(bpy.context.object)
    for figure in found:
        figure.modifiers.new("smooth", "SUBSURF").levels = 2
        if shape != "ball":
            bumps = bpy.data.textures.new("bumps", "CLOUDS")
            bumps.noise_scale = chance.uniform(0.5, 1.5)
            uneven = figure.modifiers.new("uneven", "DISPLACE")
            uneven.texture, uneven.strength = bumps, chance.uniform(0.1, 0.7)
    return found


def material(chance):
    """Return natural hair (by melanin) in three of five pictures, else fibres of any colour."""
    coat = bpy.data.materials.new("coat")
    coat.use_nodes = True
    nodes, links = coat.node_tree.nodes, coat.node_tree.links
    if chance.random() < 0.6:
        nodes.clear()
        shader = nodes.new("ShaderNodeBsdfHairPrincipled")
        shader.parametrization = "MELANIN"
        values = {
            "Melanin": chance.uniform(0, 1),
            "Melanin Redness": chance.uniform(0, 1),
            "Random Color": chance.uniform(0, 0.6),
            "Roughness": chance.uniform(0.2, 0.5),
            "Random Roughness": 0.2,
        }
        links.new(shader.outputs[0], nodes.new("ShaderNodeOutputMaterial").inputs[0])
    else:
        shader = nodes["Principled BSDF"]
        colour = [chance.uniform(0.02, 0.95) for _ in range(3)]
        values = {"Base Color": (*colour, 1.0), "Roughness": chance.uniform(0.3, 0.8)}
    for name, value in values.items():
        shader.inputs[name].default_value = value
    return coat


def grow(figure, chance, length):
    """Let hair of a length (the body's radius is 1) grow on a figure."""
    figure.modifiers.new("hair", "PARTICLE_SYSTEM")
    hair = figure.particle_systems[0].settings
    settings = dict(
        type="HAIR",
        count=chance.choice([400, 700, 1000]),
        hair_length=length,
        hair_step=6,
        render_step=5,
        child_type=chance.choice(["INTERPOLATED", "INTERPOLATED", "SIMPLE"]),
        rendered_child_count=chance.choice([6, 10, 15]),
        child_length=chance.uniform(0.7, 1.0),
        child_radius=0.2,
        root_radius=1.0,
        tip_radius=chance.choice([0.0, 0.2]),
        radius_scale=chance.choice([0.004, 0.006, 0.01]),
        brownian_factor=chance.uniform(0.0, 0.15) * length,
        clump_factor=chance.uniform(-0.3, 0.9),
        roughness_1=chance.uniform(0.0, 0.08),
        roughness_2=chance.uniform(0.0, 0.1),
        roughness_endpoint=chance.uniform(0.0, 0.15),
        tangent_factor=chance.uniform(-0.5, 0.5) * length,
        object_align_factor=(
            chance.uniform(-0.4, 0.4) * length,
            0,
            chance.uniform(-1, 0.2) * length,
        ),
        kink=chance.choice(["NO", "NO", "CURL", "WAVE"]),
        kink_amplitude=chance.uniform(0.01, 0.06),
        kink_frequency=chance.uniform(1.0, 5.0),
    )
    for name, value in settings.items():
        setattr(hair, name, value)


def light(scene, chance, panoramas):
    """Light the scene by a panorama, or a plain sky, and a sun."""
    scene.world = bpy.data.worlds.new("world")
    scene.world.use_nodes = True
    nodes, links = scene.world.node_tree.nodes, scene.world.node_tree.links
    nodes["Background"].inputs["Strength"].default_value = chance.uniform(0.6, 1.3)
    if panoramas:
        surround = nodes.new("ShaderNodeTexEnvironment")
        surround.image = bpy.data.images.load(str(chance.choice(panoramas)))
        turned = nodes.new("ShaderNodeMapping")
        turned.inputs["Rotation"].default_value[2] = chance.uniform(0, 2 * math.pi)
        links.new(nodes.new("ShaderNodeTexCoord").outputs["Generated"], turned.inputs[0])
        links.new(turned.outputs[0], surround.inputs[0])
        links.new(surround.outputs[0], nodes["Background"].inputs["Color"])
    else:
        sky = [chance.uniform(0.2, 1.0) for _ in range(3)]
        nodes["Background"].inputs["Color"].default_value = (*sky, 1.0)
    sun = bpy.data.lights.new("sun", "SUN")
    sun.energy, sun.angle = chance.uniform(0, 3), chance.uniform(0.02, 0.5)
    lamp = bpy.data.objects.new("sun", sun)
    lamp.rotation_euler = (chance.uniform(0.2, 1.3), 0, chance.uniform(0, 2 * math.pi))
    scene.collection.objects.link(lamp)


def camera(scene, chance):
    """Look at the figures from the front, a little from the side and from above or below."""
    away = chance.uniform(4.2, 6.5)
    across, up = chance.uniform(-0.4, 0.4), chance.uniform(-0.2, 0.8)
    eye = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    eye.location = (across, -away, up)
    eye.rotation_euler = (math.pi / 2 - math.atan2(up, away), 0, math.atan2(across, away))
    scene.collection.objects.link(eye)
    scene.camera = eye


def render(path):
    """Render to a temporary name, so that an interrupted picture is not taken for a whole one."""
    temporary = path.with_name(f".{path.name}")
    bpy.context.scene.render.filepath = str(temporary)
    bpy.ops.render.render(write_still=True)
    temporary.replace(path)


def contact_sheet(files, path):
    """Show all pictures, reduced, over a checkerboard."""
    import numpy as np  # of Blender

    columns, side = min(SHEET["columns"], len(files)), SHEET["side"]
    rows = -(-len(files) // columns)
    y, x = np.indices((rows * side, columns * side)) // 8
    sheet = np.where((x + y) % 2, 0.7, 0.9)[..., None].repeat(3, axis=2)
    for place, file in enumerate(files):
        picture = bpy.data.images.load(str(file))
        picture.scale(side, side)
        pixels = np.array(picture.pixels).reshape(side, side, 4)[::-1]  # stored from the bottom
        bpy.data.images.remove(picture)
        top, left = place // columns * side, place % columns * side
        part = sheet[top : top + side, left : left + side]
        part[:] = part * (1 - pixels[..., 3:]) + pixels[..., :3] * pixels[..., 3:]
    result = bpy.data.images.new("sheet", columns * side, rows * side)
    result.pixels = np.concatenate([sheet, np.ones_like(sheet[..., :1])], 2)[::-1].ravel().tolist()
    result.filepath_raw, result.file_format = str(path), "PNG"
    result.save()


main()
