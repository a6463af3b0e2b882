"""Makes video.json in the folders beside this file: what transformers 5.18 answers about videos with whole tiny models.

    pip install transformers==5.18 torch torchvision safetensors
    MODELS=<what ../two-files/make_two_files.py left at WHOLE> python make_videos.py

Qwen3-VL's weights are those of ../two-files. Those of the other two are of other seeds of the same maker, and lie here.
"""

import json
import os
import shutil
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
import transformers as tf
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor
from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor

HERE = Path(__file__).parent
MODELS = Path(os.environ["MODELS"])
LENGTH = 24
CLASSES = {
    "qwen2_vl": (tf.Qwen2VLProcessor, Qwen2VLVideoProcessor),
    "qwen2_5_vl": (tf.Qwen2_5_VLProcessor, Qwen2VLVideoProcessor),
    "qwen3_vl": (tf.Qwen3VLProcessor, Qwen3VLVideoProcessor),
}
# frames, fps. In "slow" Qwen2.5-VL's times go past rows and columns.
CASES = {"short": (4, 4), "odd": (5, 3), "slow": (6, 0.5)}
PROMPT = "<|im_start|>user\n<|vision_start|><|video_pad|><|vision_end|>What is it?<|im_end|>\n<|im_start|>assistant\n"


def frame(side, t):
    """A square that no processor resizes."""
    y, x = np.mgrid[0:side, 0:side]
    return np.stack([x * 3 + y + 20 * t, 255 - y, (x * y) // 5 + 31 * t], axis=2).astype(np.uint8)


def positions(kinds, grids, times):
    """Text goes on behind the last position of any axis: `get_rope_index` of transformers 4.57, which is Qwen's own code."""
    parts, start = [], 0
    for kind, group in groupby(kinds):
        count = len(list(group))
        if kind == 0:
            parts.append(torch.arange(count).expand(3, -1) + start)
        else:
            pairs, rows, columns = grids.pop(0)
            own = times[:pairs]
            grid = torch.meshgrid(torch.tensor(own), torch.arange(rows // 2), torch.arange(columns // 2), indexing="ij")
            parts.append(torch.stack(grid).reshape(3, -1) + start)
        start = int(parts[-1].max()) + 1
    return torch.cat(parts, 1)[:, None]


for name, (processor_class, video_class) in CLASSES.items():
    folder = MODELS / name
    tok = tf.AutoTokenizer.from_pretrained(folder)
    fields = json.loads((folder / "preprocessor_config.json").read_text())
    fields.pop("image_processor_type")
    processor = processor_class(
        image_processor=Qwen2VLImageProcessorPil(**fields), tokenizer=tok, video_processor=video_class(**fields), chat_template=""
    )
    model = tf.AutoModelForImageTextToText.from_pretrained(folder, attn_implementation="eager").eval().float()
    side = 12 * fields["patch_size"]
    cases = {}
    for case, (count, fps) in CASES.items():
        video = np.stack([frame(side, t) for t in range(count)])
        metadata = {"fps": fps, "total_num_frames": count, "frames_indices": list(range(count))}
        videos = {"do_sample_frames": False, "video_metadata": [metadata]}
        inputs = processor(text=[PROMPT], videos=[video], videos_kwargs=videos, return_tensors="pt")
        ids, kinds = inputs["input_ids"], inputs["mm_token_type_ids"]
        grid = inputs["video_grid_thw"]
        seconds = inputs.pop("second_per_grid_ts", None)
        pairs = grid[0].tolist()
        interval = 1 if seconds is None else model.config.vision_config.tokens_per_second * torch.as_tensor(seconds)[0]
        times = (torch.arange(pairs[0]) * interval).long().tolist()
        grids = [[1, *pairs[1:]]] * pairs[0] if name == "qwen3_vl" else [pairs]
        own = positions(kinds[0].tolist(), list(grids), [0] if name == "qwen3_vl" else times)
        more = {} if seconds is None else {"second_per_grid_ts": seconds}
        theirs, _ = model.model.get_rope_index(ids, kinds, video_grid_thw=grid, **more)
        same = bool((own == theirs).all())  # 5.18 forgets a video's time where text goes on behind it
        chosen, top = [], None
        for _ in range(LENGTH):
            all_ids = torch.cat([ids, torch.tensor([chosen], dtype=torch.long)], 1)
            text = own.max() + 1 + torch.arange(len(chosen))
            places = torch.cat([own, text.expand(3, 1, -1)], 2)
            with torch.no_grad():
                logits = model(
                    input_ids=all_ids,
                    mm_token_type_ids=torch.cat([kinds, torch.zeros(1, len(chosen), dtype=kinds.dtype)], 1),
                    position_ids=places,
                    pixel_values_videos=inputs["pixel_values_videos"],
                    video_grid_thw=grid,
                    use_cache=False,
                ).logits[0, -1].float()
            logits = torch.log_softmax(logits, -1)
            best = torch.topk(logits, 5)
            top = top or [[int(i), float(v)] for v, i in zip(best.values, best.indices)]
            chosen.append(int(best.indices[0]))
        cases[case] = {"frames": count, "fps": fps, "ids": ids[0].tolist(), "greedy": chosen, "top": top}
        print(name, case, pairs, times, "positions of 5.18:", same, chosen[:6])
    expected = {"side": side, "video": tok.convert_tokens_to_ids("<|video_pad|>"), "cases": cases}
    (HERE / name / "video.json").write_text(json.dumps(expected) + "\n")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder / file, HERE / name / file)
