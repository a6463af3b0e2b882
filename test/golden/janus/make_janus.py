"""A tiny random Janus beside this file, and what transformers and DeepSeek's own code give with the whole of it.

    pip install torch transformers tokenizers safetensors pillow
    python make_janus.py <a checkout of deepseek-ai/Janus 1daa72f>

Made with torch 2.13, transformers 5.18, Pillow 12.3. Prompts and answers are transformers' (transformers/models/janus). Pictures are
drawn as deepseek-ai/Janus generation_inference.py does, by its own modules `vision_head` (modeling_vlm.py) and `MlpProjector`
(projector.py), and its prompts are checked against transformers' processor. transformers' `generate` must draw the same ids. The
image tokenizer is the one of ../vqgan, whose weights are not repeated here: model/ has the first of two files.

Numbers are F32 and exact in bfloat16. No token or id is nearer than NEAR_TIE logits to the next: the first seed of which that holds
is taken.
"""

import json
import shutil
import sys
import types
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import transformers as tf
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers.models.janus.image_processing_pil_janus import JanusImageProcessorPil

HERE = Path(__file__).parent
FOLDER = HERE / "model"
VQ = HERE.parent / "vqgan/janus"
LENGTH, NEAR_TIE, GUIDANCE = 12, 0.01, 5.0
BOS, EOS, PAD = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"
PLACE, BEGIN, END = "<image_placeholder>", "<begin_of_image>", "<end_of_image>"
WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QUESTIONS = ["What is in the image?", "\n Name its  colours. "]
DRAWN = ["a red triangle on white", "  two 日本 cats, 12 of them!\n"]
CORPUS = [*QUESTIONS, *DRAWN, "<|User|> is not a token here", "You are a helpful language and vision assistant. assist the user with natural language.\n\n"] * 3
# What transformers' conversion script writes as chat template, in words of our own.
TEMPLATE = """{% set ends = ['\\n\\n', 'EOS'] %}{% for message in messages %}\
{% set role = message['role'] | lower %}{% if role == 'user' %}<|User|>: {% elif role == 'assistant' %}<|Assistant|>: {% else %}{{ message['role'].capitalize() + ': ' }}{% endif %}\
{% for part in message['content'] %}{% if part['type'] == 'image' %}{% if not loop.first %}{{ '\\n' }}{% endif %}<image_placeholder>{% if not loop.last %}{{ '\\n' }}{% endif %}\
{% elif part['type'] == 'text' %}{% set text = part['text'] %}{% if loop.first %}{% set text = text.lstrip() %}{% endif %}{% if loop.last %}{% set text = text.rstrip() %}{% endif %}\
{% if not loop.first and message['content'][loop.index0 - 1]['type'] == 'text' %}{{ ' ' + text }}{% else %}{{ text }}{% endif %}{% endif %}{% endfor %}\
{% if not loop.last or add_generation_prompt %}{{ ends[0] if role == 'user' else ends[1] }}{% endif %}{% endfor %}\
{% if add_generation_prompt %}<|Assistant|>:{% endif %}""".replace("EOS", EOS)


def tokenizer():
    raw = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(WORDS), "isolated")
    raw.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False))
    raw.add_special_tokens([BOS, EOS, PAD, "<|User|>", "<|Assistant|>", PLACE, BEGIN, END])
    raw.post_processor = processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, raw.token_to_id(BOS))])
    names = dict(image_token=PLACE, boi_token=BEGIN, eoi_token=END)
    return tf.PreTrainedTokenizerFast(tokenizer_object=raw, bos_token=BOS, eos_token=EOS, pad_token=PAD, extra_special_tokens=names)


def deepseek(repository):
    """Its modules, without those that the forward passes here do not use."""
    class AttrDict(dict):
        __getattr__ = dict.get

    def stand_in(name, **members):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__dict__.update(members)

    stand_in("attrdict", AttrDict=AttrDict)
    stand_in("einops", rearrange=None)
    for name in ("janus", "janus.models", "janus.utils"):
        stand_in(name, __path__=[str(Path(repository) / name.replace(".", "/"))])
    stand_in("janus.models.clip_encoder", CLIPVisionTower=None)
    # Its configs are none that transformers 5 takes, and are not read here.
    with mock.patch("transformers.configuration_utils.PretrainedConfig", type("Config", (), {})):
        from janus.models.modeling_vlm import vision_head
    from janus.models.projector import MlpProjector
    from janus.utils.conversation import get_conv_template

    return types.SimpleNamespace(AttrDict=AttrDict, vision_head=vision_head, MlpProjector=MlpProjector, template=get_conv_template)


def settings(tok):
    vq = json.loads((VQ / "config.json").read_text())["vq_config"]
    word = tok.convert_tokens_to_ids
    text = dict(
        vocab_size=len(tok), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4,
        max_position_embeddings=512, bos_token_id=word(BOS), eos_token_id=word(EOS), pad_token_id=word(PAD),
    )  # fmt: skip
    # Patches of another size than the image tokenizer's, which has 8 x 8.
    vision = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=16, patch_size=4, mlp_ratio=2.0, projection_dim=32, num_image_tokens=16)
    vq |= dict(projection_dim=32, image_token_embed_dim=32)
    config = tf.JanusConfig(text_config=text, vision_config=vision, vq_config=vq, image_token_id=word(PLACE), tie_word_embeddings=False)
    config.vq_config.num_patches = 8  # JanusConfig sets it by the tower's patches
    return config


def randomise(model, seed):
    torch.manual_seed(seed)
    tokens = load_file(VQ / "model.safetensors")
    for name, p in sorted(model.named_parameters()):
        if "vqmodel" in name:
            p.copy_(tokens[name].float())
            continue
        strong = 0.1 if "embed_tokens" in name or p.ndim == 1 else 0.5 if "embeddings" in name else 1.8 / p[0].numel() ** 0.5
        p.copy_((strong * torch.randn(p.shape) + (1 if p.ndim == 1 and "norm" in name and name.endswith("weight") else 0)).bfloat16().float())


def clear(logits):
    first, second = logits.topk(2).values.tolist()
    return first - second > NEAR_TIE


def answer(model, inputs):
    """The likeliest tokens; None where one has a near tie, or has a meaning."""
    ids, found = inputs["input_ids"], []
    for _ in range(LENGTH):
        longer = torch.cat([ids, torch.tensor([found], dtype=torch.long)], 1)
        logits = model(input_ids=longer, pixel_values=inputs["pixel_values"], use_cache=False).logits[0, -1]
        if not clear(logits):
            return None
        found.append(int(logits.argmax()))
    return found if max(found) < 256 + 40 and len(set(found)) > 3 else None


def draw(model, own, prompt, chosen=None):
    """generation_inference.py's loop: the logits of each step after guidance, and the likeliest ids or those that are given."""
    word = model.config.text_config
    tokens = torch.tensor([prompt, prompt])
    tokens[1, 1:-1] = word.pad_token_id
    embeds = model.model.language_model.get_input_embeddings()(tokens)
    cache, ids, all_logits = None, [], []
    for i in range(model.config.vq_config.num_patches ** 2):
        out = model.model.language_model(inputs_embeds=embeds, use_cache=True, past_key_values=cache)
        cache = out.past_key_values
        logits = own.head(out.last_hidden_state[:, -1, :])
        logits = logits[1::2] + GUIDANCE * (logits[0::2] - logits[1::2])
        all_logits.append(logits[0])
        ids.append(int(logits[0].argmax()) if chosen is None else chosen[i])
        embeds = own.aligner(own.embed(torch.tensor([ids[-1], ids[-1]]))).unsqueeze(1)
    return torch.stack(all_logits), ids


@torch.no_grad()
def main():
    repository = deepseek(sys.argv[1])
    shutil.rmtree(FOLDER, ignore_errors=True)
    tok = tokenizer()
    config = settings(tok)
    processor = tf.JanusProcessor(JanusImageProcessorPil(size={"height": 16, "width": 16}, min_size=4), tok, chat_template=TEMPLATE, num_image_tokens=16, use_default_system_prompt=True)
    random = np.random.default_rng(2)
    images = [Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8)) for height, width in [(16, 16), (11, 40)]]
    asked = []
    for question in QUESTIONS:
        turn = {"role": "user", "content": [{"type": "image", "image": images[len(asked)]}, {"type": "text", "text": question}]}
        # A batch: the processor takes one text for a list of its characters where it adds a system prompt.
        asked.append(processor.apply_chat_template([[turn]], add_generation_prompt=True, tokenize=True, return_dict=True))
    prompts = []
    for text in DRAWN:
        turn = [{"role": "user", "content": [{"type": "text", "text": text}]}]
        written = processor.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
        conversation = repository.template("deepseek")
        conversation.append_message("<|User|>", text.strip())
        conversation.append_message("<|Assistant|>", "")
        assert conversation.get_prompt().strip() == written, (conversation.get_prompt(), written)
        prompts.append(processor(text=[written], generation_mode="image")["input_ids"][0].tolist())

    model = tf.JanusForConditionalGeneration(config).eval().float()
    for seed in range(2000):
        randomise(model, seed)
        answers = [answer(model, one) for one in asked]
        if None in answers:
            continue
        own = types.SimpleNamespace(
            embed=model.model.generation_embeddings,
            aligner=repository.MlpProjector(repository.AttrDict(projector_type="mlp_gelu", depth=2, input_dim=4, n_embed=32)),
            head=repository.vision_head(repository.AttrDict(n_embed=32, image_token_embed=32, image_token_size=64)),
        )
        theirs = model.model
        own.aligner.load_state_dict({f"layers.{2 * i}.{k}": v for i, one in enumerate([theirs.generation_aligner.fc1, *theirs.generation_aligner.hidden_layers]) for k, v in one.state_dict().items()})
        own.head.load_state_dict({f"{a}.{k}": v for a, b in (("output_mlp_projector", "proj_out"), ("vision_head", "vision_head")) for k, v in getattr(theirs.generation_head, b).state_dict().items()})
        drawn = [draw(model, own, prompt) for prompt in prompts]
        if all(clear(step) for logits, _ in drawn for step in logits) and min(len(set(ids)) for _, ids in drawn) > 8:
            break
    forced = [torch.randint(0, 64, (64,)).tolist() for _ in prompts]
    teacher = [draw(model, own, prompt, ids)[0] for prompt, ids in zip(prompts, forced)]
    model.config.vision_config.num_image_tokens = model.model.vision_model.config.num_image_tokens = 64
    for prompt, (_, ids) in zip(prompts, drawn):
        mode = tf.GenerationConfig(do_sample=False, guidance_scale=GUIDANCE, bos_token_id=prompt[0], pad_token_id=tok.pad_token_id, eos_token_id=tok.eos_token_id, max_length=512, generation_kwargs={"boi_token_id": prompt[-1]})
        batch = dict(inputs=torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long))
        assert model.generate(**batch, generation_mode="image", generation_config=mode)[0].tolist() == ids
    model.config.vision_config.num_image_tokens = 16
    pictures = model.model.vqmodel.decode(torch.tensor([ids for _, ids in drawn])).permute(0, 2, 3, 1).numpy()
    pictures = np.clip((pictures + 1) / 2 * 255, 0, 255).astype(np.uint8)
    seen = model.model.get_image_features(torch.cat([one["pixel_values"] for one in asked])).pooler_output
    print("seed", seed, answers, [ids[:12] for _, ids in drawn])

    processor.save_pretrained(FOLDER)
    config.save_pretrained(FOLDER)
    one, two = (f"model-0000{i}-of-00002.safetensors" for i in (1, 2))
    weights = model.state_dict()
    mine = {name: value.bfloat16().contiguous() for name, value in weights.items() if "vqmodel" not in name}
    assert all(torch.equal(value.float(), weights[name]) for name, value in mine.items())
    save_file(mine, FOLDER / one, metadata={"format": "pt"})
    places = {name: two if "vqmodel" in name else one for name in weights}
    (FOLDER / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}) + "\n")
    expected = {
        "embeddings": seen, "logits": torch.stack([logits for logits, _ in drawn]), "teacher": torch.stack(teacher), "pictures": torch.from_numpy(pictures),
    }  # fmt: skip
    expected |= {f"image.{i}": torch.from_numpy(np.array(image)) for i, image in enumerate(images)}
    save_file({name: value.contiguous() for name, value in expected.items()}, HERE / "expected.safetensors")
    cases = dict(
        asked=[dict(question=q, prompt=a["input_ids"][0].tolist(), answer=found) for q, a, found in zip(QUESTIONS, asked, answers)],
        drawn=[dict(text=text, prompt=prompt, ids=ids, forced=given) for text, prompt, (_, ids), given in zip(DRAWN, prompts, drawn, forced)],
    )  # fmt: skip
    (HERE / "expected.json").write_text(json.dumps(cases, ensure_ascii=False) + "\n")


main()
