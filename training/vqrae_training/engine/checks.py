"""Checks of a run before its first step."""

from __future__ import annotations

import sys

from ..config import RunConfig
from ..data.sources import Item, unreadable
from ..errors import UserError
from ..models.encoder import Encoder

CHECKED = 200_000  # at most so many images are decoded as a check, evenly over the list
SHOWN = 10
FEW = 1000


def check_run(config: RunConfig, encoder: Encoder, ranks: int, views: int) -> None:
    """Raise UserError for what cannot run. Warn of what the paper or our measurements advise against."""
    e, c, d, run = config.encoder, config.codebook, config.decoder, config.run
    for name in ("hidden_size", "num_layers", "intermediate_size", "num_heads", "image_size", "patch_size"):
        wanted, received = getattr(e, name), getattr(encoder, name)
        if wanted and wanted != received:
            raise UserError(
                f"Expected {name} {wanted} for the encoder but received {received} from {e.folder}. "
                f"The preset was written for another: --set encoder.{name}=0 takes any"
            )
    beyond = [k for k in c.layers if not 1 <= k <= encoder.num_layers]
    if beyond or list(c.layers) != sorted(set(c.layers)):
        raise UserError(f"Expected ascending blocks 1 to {encoder.num_layers} for codebook.layers but received {c.layers}")
    width, heads = d.hidden_size or encoder.hidden_size, d.heads or encoder.num_heads
    if width % heads:
        raise UserError(f"Expected a divisor of decoder.hidden_size {width} for decoder.heads but received {heads}")
    if d.head_kernel % 2 == 0:
        raise UserError(f"Expected an odd number for decoder.head_kernel but received {d.head_kernel}")
    if config.stage == 2 and not config.init:
        raise UserError(
            "Expected --init, a stage-1 last.pt, for stage 2 but received nothing. "
            "--init none trains everything from the start, as the paper's one-stage ablation does"
        )
    if c.frozen and not (config.stage == 1 and config.from_run):
        raise UserError(
            f"Expected stage 1 and --init, a run or a checkpoint folder, for codebook.frozen but received stage {config.stage} "
            f"and {config.init or 'nothing'}: only a trained codebook's ids are worth keeping"
        )
    micro = run.micro_batch or run.batch // ranks
    if not micro or run.batch % (micro * ranks):
        raise UserError(
            f"Expected a multiple of run.micro_batch x ranks ({micro} x {ranks}) for run.batch but received {run.batch}"
        )
    if views < run.batch:
        raise UserError(
            f"Expected at least {run.batch} views (one batch) for data.train but received {views}. "
            "Take several views of each image: PATH*N"
        )
    rows = views * encoder.grid**2
    if c.init == "data" and not config.from_run and rows < c.size:
        raise UserError(f"Expected at least {c.size} feature rows for the codebook's start but received {rows} ({views} views)")
    if config.gan.weight and config.gan.adaptive and run.parallel == "fsdp":
        raise UserError("Expected gan.adaptive=false with run.parallel=fsdp (it shards the last layer) but received true")
    if not config.data.val:
        raise UserError("Expected --val, images to validate on, but received none")
    if views < FEW:
        warn(f"{views} views in an epoch: a codebook of {c.size} codes will learn them by heart")
    if c.dim < encoder.hidden_size:
        warn(
            f"codebook.dim {c.dim} is below the encoder's width {encoder.hidden_size}: the paper's Table 5 loses 3 dB at half of "
            "1,536 and does not converge at 256"
        )


def check_images(items: list[Item], repeats: list[int], skip: bool) -> tuple[list[Item], list[int]]:
    """Raise UserError with a list of the images that do not decode, or leave them out where `skip` says so."""
    stride = -(-len(items) // CHECKED)
    bad = unreadable(items[::stride])
    if not bad:
        return items, repeats
    lines = "\n".join(f"  {item.name} ({item.file}): {why}" for item, why in bad[:SHOWN])
    more = f"\n  ... and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
    text = f"{len(bad)} of {len(items[::stride])} images do not decode:\n{lines}{more}"
    if not skip:
        raise UserError(f"Expected readable images for data.train but {text}\nRepair them, or --set data.skip_unreadable=true")
    warn(f"left out: {text}")
    lost = {item for item, _ in bad}
    kept = [(item, n) for item, n in zip(items, repeats, strict=True) if item not in lost]
    if not kept:
        raise UserError(f"Expected at least one readable image for data.train but received none of {len(items)}")
    return [item for item, _ in kept], [n for _, n in kept]


def warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr, flush=True)
