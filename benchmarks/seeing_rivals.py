"""The rules that see ink, a network that does, and both joined, against the truth.

    python -m benchmarks.seeing_rivals --weights FILE [--kinds A,B] [--seeds 700-709] [--json FILE]

Ways:
    rules     what ``load_ink_image`` takes for ink
    network   where the answer of ``benchmarks.seeing_network`` is line ink
    joined    in a clean file the rules; elsewhere the rules without what the network is sure is none (veto),
              and with the parts that the network alone is sure of (rescue)

Scenes and F1 are those of ``benchmarks.seeing``; the network was trained on scenes of other seeds. Half of
those were of the kind ``mixture``, by which the rules were not made.

Keys: ``<way>_f1_median``, ``<way>_f1_mean``, ``<way>_f1_worst_tenth`` over all scenes, ``<way>_f1_<kind>``,
the mean of a kind, ``<way>_cpu_s``, CPU seconds a megapixel.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks import harness
from benchmarks.seeing_network import CLASSES, INK, SeeingNetwork, rgb_of
from strokebot.errors import StrokebotError
from strokebot.picture.image import load_ink_image
from strokebot.picture.parts import find_parts
from strokebot.picture.see import SeeOptions
from tests.support.scenes import FURTHER, KINDS, MIXED, MIXTURE, Scene, make_scene
from tests.support.truth_f1 import truth_f1

Mask = NDArray[np.bool_]
Field = NDArray[np.float32]

# The network sees pictures in squares of so many px, which overlap by twice the margin.
_TILE, _MARGIN, _FACTOR = 768, 64, 32
# The network vetoes ink where nothing near is this likely to be ink, and rescues parts of so many px and this
# likely, farther than the reach from what the rules saw.
_VETO, _RESCUE, _LEAST_PX, _REACH_PX = 0.1, 0.9, 12, 2
WAYS = ("rules", "network", "joined")


def load_network(weights: Path) -> SeeingNetwork:
    """The network of a checkpoint of ``benchmarks.seeing_network``."""
    network = SeeingNetwork().to(memory_format=torch.channels_last)
    network.load_state_dict(torch.load(weights, weights_only=True)["network"])
    return network.eval()


def likelihoods(network: SeeingNetwork, rgb: NDArray[np.uint8]) -> Field:
    """How likely each class is at each pixel of a picture (H, W, 3): (5, H, W)."""
    height, width = rgb.shape[:2]
    found = np.zeros((len(CLASSES), height, width), dtype=np.float32)
    step = _TILE - 2 * _MARGIN
    for y in range(0, max(1, height - 2 * _MARGIN), step):
        for x in range(0, max(1, width - 2 * _MARGIN), step):
            tile = rgb[y : y + _TILE, x : x + _TILE]
            more = [(0, -size % _FACTOR) for size in tile.shape[:2]]
            padded = torch.from_numpy(np.pad(tile, (*more, (0, 0)), mode="edge"))
            with torch.no_grad():
                answer = network(padded.permute(2, 0, 1)[None].float() / 255)[0].softmax(dim=0).numpy()
            top, left = (_MARGIN if y else 0), (_MARGIN if x else 0)
            inner = answer[:, top : tile.shape[0], left : tile.shape[1]]
            found[:, y + top : y + tile.shape[0], x + left : x + tile.shape[1]] = inner
    return found


def joined(rules: Mask, clean: bool, ink: Field) -> Mask:
    """The rules' ink (H, W), with the network's likelihood of ink as veto and rescue."""
    if clean:
        return rules
    near = ndimage.maximum_filter(ink, 2 * _REACH_PX + 1)
    kept = rules & (near >= _VETO)
    labels, count = ndimage.label(ink >= 0.5, structure=np.ones((3, 3)))
    if count == 0:
        return kept
    flat = labels.reshape(-1)
    pixels = np.bincount(flat, minlength=count + 1)
    sure = np.bincount(flat, weights=ink.reshape(-1), minlength=count + 1) / np.maximum(pixels, 1)
    seen = np.bincount(
        flat, weights=ndimage.maximum_filter(rules, 2 * _REACH_PX + 1).reshape(-1), minlength=count + 1
    )
    rescued = (pixels >= _LEAST_PX) & (sure >= _RESCUE) & (seen == 0)
    rescued[0] = False
    return np.asarray(kept | rescued[labels])


def judge(scene: Scene, network: SeeingNetwork, folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """F1 and CPU seconds a megapixel of each way."""
    file = scene.save(folder)
    began = time.process_time()
    try:
        # The truth lies on the grid of the photo.
        image = load_ink_image(file, options=SeeOptions(keep_perspective=True))
        rules, clean = find_parts(image.ink).labels > 0, image.sight is None or image.sight.clean
    except StrokebotError:
        rules, clean = np.zeros(scene.truth.shape, dtype=bool), False
    ruled = time.process_time()
    ink = likelihoods(network, rgb_of(scene))[INK]
    seen = find_parts(ink).labels > 0
    ended = time.process_time()
    both = joined(rules, clean, ink)
    file.unlink()
    f1 = {
        way: truth_f1(mask, scene.truth, scene.areas)
        for way, mask in zip(WAYS, (rules, seen, both), strict=True)
    }
    million = scene.truth.size / 1e6
    seconds = (ruled - began, ended - ruled, ended - began)
    return f1, {way: took / million for way, took in zip(WAYS, seconds, strict=True)}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Rules, a network, and both joined, against true ink.")
    parser.add_argument("--weights", type=Path, required=True, help="network.pt of benchmarks.seeing_network")
    kinds = [kind for kind in (*KINDS, *MIXED, *FURTHER, MIXTURE) if kind != "alpha"]
    parser.add_argument("--kinds", default=",".join(kinds))
    parser.add_argument("--seeds", type=harness.seed_range, default="700-709", metavar="A-B")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write name -> number")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    network = load_network(chosen.weights)
    every: dict[str, list[float]] = {way: [] for way in WAYS}
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    flat: dict[str, float] = {}
    print(f"{'mean, least F1':14}" + "".join(f"{way:>16}" for way in WAYS))
    with tempfile.TemporaryDirectory() as name:
        for kind in chosen.kinds.split(","):
            own: dict[str, list[float]] = {way: [] for way in WAYS}
            for seed in chosen.seeds:
                f1, seconds = judge(make_scene(kind, seed), network, Path(name))
                for way in WAYS:
                    own[way].append(f1[way])
                    taken[way].append(seconds[way])
            for way in WAYS:
                every[way] += own[way]
                flat[f"{way}_f1_{kind}"] = float(np.mean(own[way]))
            cells = "".join(f"{np.mean(own[way]):8.3f} {min(own[way]):7.3f}" for way in WAYS)
            print(f"{kind:14}{cells}", flush=True)
    for way in WAYS:
        flat[f"{way}_f1_median"] = float(np.median(every[way]))
        flat[f"{way}_f1_mean"] = float(np.mean(every[way]))
        flat[f"{way}_f1_worst_tenth"] = float(np.percentile(every[way], 10))
        flat[f"{way}_cpu_s"] = float(np.median(taken[way]))
    for what in ("f1_median", "f1_mean", "f1_worst_tenth", "cpu_s"):
        print(f"{what:14}" + "".join(f"{flat[f'{way}_{what}']:16.4f}" for way in WAYS))
    harness.save(flat, harness.Options(False, chosen.json))
    return 0


if __name__ == "__main__":
    sys.exit(main())
