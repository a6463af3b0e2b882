"""What PyTorch answers to 200 questions about 40 pictures, with the shipped VLM: greedy tokens, and one picture's embeddings.

    python make_vlm.py <easy_vqa folder> <nlvr folder>

Every part is the reference's own, read from the shipped files: transformers' ViTModel on models/deit-tiny, InternVL's
pixel shuffle and projector, Qwen3ForCausalLM and Qwen2Tokenizer from llm.gguf (F16 weights widened to F32). Pictures: 24 of
easy-VQA's test set (MIT) with five questions each and eight of NLVR's held sentences (CC BY 4.0) with five each, stored in
vlm.json as base64, and the four photos of examples/images with ten each. A question whose answer hangs on a near tie is passed
over for the picture's next one: a processor that rounds otherwise may take the other token.
"""

from __future__ import annotations

import base64
import io
import json
import platform
import sys
from pathlib import Path

import gguf
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, ViTModel
from transformers.models.internvl.modeling_internvl import InternVLModel

HERE = Path(__file__).parent
MODELS = HERE.parents[2] / "models"
HELD = HERE.parents[2] / "docs/data/vqrae-tiny-vlm-1/nlvr-held.json"
LONGEST = 24
QUESTIONS = 5  # of each drawing
PHOTO_QUESTIONS = 10
ASKED = (
    "Describe the image.",
    "What is this?",
    "Is there a person in the image?",
    "Is there a dog?",
    "Is there a cat in the image?\nAnswer the question using a single word or phrase.",
    "What animal is this?",
    "What is the capital of France?",
    "What is her name?",
    "What do you see?",
    "Is there a cup?",
    "Is there a table in the image?\nAnswer in a sentence.",
    "How many people are there?",
    "Provide a one-sentence caption for the provided image.",
    "What is it?",
    "Do you see a car?",
    "What is in the image?",
    "Is there a child?",
    "What color is the shirt?",
)
NEAR_TIE = 0.05  # in logits, between the likeliest token and the next


def encoder() -> tuple[ViTModel, dict]:
    folder = MODELS / "deit-tiny"
    model = ViTModel.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float32)
    return model.eval(), json.loads((folder / "preprocessor_config.json").read_text())


def tiles(image: Image.Image, size: int) -> list[Image.Image]:
    """What `dynamic_preprocess` makes of at most three: one tile of a square, two of 3:2, three of NLVR's 400 x 100 pixels."""
    columns = 3 if image.width > 2 * image.height else 2 if image.width >= 1.5 * image.height else 1
    stretched = image.convert("RGB").resize((columns * size, size), Image.Resampling.BICUBIC)
    return [stretched.crop((i * size, 0, (i + 1) * size, size)) for i in range(columns)]


class Vlm:
    def __init__(self) -> None:
        folder = MODELS / "vqrae-tiny-vlm"
        self.config = json.loads((folder / "config.json").read_text())
        self.encoder, self.image = encoder()
        self.projector = {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
        # transformers 5.18 leaves the width of a head in a GGUF file out of the configuration.
        width = int(gguf.GGUFReader(folder / "llm.gguf").fields["qwen3.attention.key_length"].contents())
        config = AutoConfig.from_pretrained(folder, gguf_file="llm.gguf", head_dim=width)
        self.llm = AutoModelForCausalLM.from_pretrained(folder, gguf_file="llm.gguf", config=config, dtype=torch.float32).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file="llm.gguf")

    def embeddings(self, image: Image.Image) -> torch.Tensor:
        """-> [tiles * t / 4, text width]"""
        size = self.encoder.config.image_size
        mean, std = (torch.tensor(self.image[k]).view(3, 1, 1) for k in ("image_mean", "image_std"))
        pixels = []
        for tile in tiles(image, size):
            data = torch.frombuffer(bytearray(tile.tobytes()), dtype=torch.uint8).view(size, size, 3)
            pixels.append((data.permute(2, 0, 1).float() / 255 - mean) / std)
        states = self.encoder(torch.stack(pixels), output_hidden_states=True).hidden_states
        patches = torch.cat([states[layer] for layer in self.config["features"]["layer"]], -1)[:, 1:]
        n, t, d = patches.shape
        side = int(t**0.5)
        shuffled = InternVLModel.pixel_shuffle(None, patches.view(n, side, side, d), self.config["downsample_ratio"]).reshape(n, -1, 4 * d)
        p = self.projector
        normed = torch.nn.functional.layer_norm(shuffled, (4 * d,), p["mlp1.0.weight"], p["mlp1.0.bias"], self.config["layer_norm_eps"])
        middle = torch.nn.functional.gelu(torch.nn.functional.linear(normed, p["mlp1.1.weight"], p["mlp1.1.bias"]))
        return torch.nn.functional.linear(middle, p["mlp1.3.weight"], p["mlp1.3.bias"]).flatten(0, 1)

    def answer(self, seen: torch.Tensor, question: str) -> list[int] | None:
        """None where two tokens are as good as equal."""
        ids = lambda text: torch.tensor(self.tokenizer(text, add_special_tokens=False)["input_ids"])  # noqa: E731
        before = ids(f"<|im_start|>user\n{self.config['image_prefix']}")
        after = ids(f"{self.config['image_suffix']}{question}<|im_end|>\n<|im_start|>assistant\n")
        embed = self.llm.get_input_embeddings()
        stop = self.tokenizer.convert_tokens_to_ids("<|im_end|>")
        x, past, said = torch.cat([embed(before), seen, embed(after)])[None], None, []
        while len(said) < LONGEST:
            out = self.llm(inputs_embeds=x, past_key_values=past, use_cache=True)
            (best, second), (token, _) = (part.tolist() for part in out.logits[0, -1].topk(2))
            if best - second < NEAR_TIE:
                return None
            if token == stop:
                break
            said.append(token)
            x, past = embed(torch.tensor([[token]])), out.past_key_values
        return said


def pictures(easy: Path, nlvr: Path) -> list[tuple[bytes, list[str]]]:
    listed = []
    asked: dict[int, list[str]] = {}
    for question, _, image in json.loads((easy / "data/test/questions.json").read_text()):
        asked.setdefault(image, []).append(question)
    for image in sorted(asked)[::41][:24]:
        questions = ["what is in the image?", *asked[image]]
        listed.append(((easy / f"data/test/images/{image}.png").read_bytes(), questions))
    held = set(json.loads(HELD.read_text()))
    examples = [json.loads(line) for line in (nlvr / "dev/dev.json").read_text().splitlines()]
    for example in [e for e in examples if f"dev-{e['identifier']}" in held][::23][:8]:
        file = nlvr / f"dev/images/{example['directory']}/dev-{example['identifier']}-0.png"
        said = example["sentence"]
        others = [f"what is in the {place} box?" for place in ("left", "right", "middle")]
        others += [f"how many {what}items are there?" for what in ("yellow ", "", "blue ", "black ")]
        listed.append((file.read_bytes(), [said, *others]))
    for photo in sorted((HERE.parents[2] / "examples/images").glob("*.jpg")):
        listed.append((photo.read_bytes(), list(ASKED)))
    return listed


@torch.no_grad()
def main(easy: Path, nlvr: Path) -> None:
    vlm = Vlm()
    shown = []
    first = None
    for data, questions in pictures(easy, nlvr):
        seen = vlm.embeddings(Image.open(io.BytesIO(data)))
        first = seen if first is None else first
        answered = [(question, vlm.answer(seen, question)) for question in questions]
        most = PHOTO_QUESTIONS if questions == list(ASKED) else QUESTIONS
        answered = [(question, tokens) for question, tokens in answered if tokens is not None][:most]
        shown.append({
            "image": base64.b64encode(data).decode(),
            "asked": [{"question": q, "tokens": a, "text": vlm.tokenizer.decode(a)} for q, a in answered],
        })  # fmt: skip
    versions = f"transformers {transformers.__version__}, torch {torch.__version__}, Python {platform.python_version()}"
    embeddings = {"shape": list(first.shape), "rows": [[round(v, 5) for v in row] for row in first[:10].tolist()]}
    (HERE / "vlm.json").write_text(json.dumps({"versions": versions, "embeddings": embeddings, "pictures": shown}) + "\n")
    print(f"{len(shown)} pictures, {sum(len(p['asked']) for p in shown)} questions; {versions}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
