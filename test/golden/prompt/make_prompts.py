"""Makes the prompts beside this file: conversations as transformers' processors write them.

    python make_prompts.py

Made with transformers 5.18.0, tokenizers 0.23.2, torch 2.13.0, Pillow 12.3. Every folder holds what a checkpoint has for its
prompts: tokenizer.json (a small vocabulary, trained on the conversations, with the family's own special tokens, normalizer
and pre-tokenizer), tokenizer_config.json, chat_template.jinja and config.json (its model_type and image_token_id).
The templates are written for these fixtures. They write what the families' published ones write, in the same manner: typed
parts, images first, macros, namespaces, exceptions. Its expected.json holds for each conversation
    messages    role and content: texts, and an image by its number
    layouts     for each image of the conversation what the processor puts in its place: texts, and numbers of image tokens
    ids         `processor.apply_chat_template(conversation, add_generation_prompt=True, tokenize=True)`
"""

import json
import re
import shutil
from pathlib import Path
from unittest import mock

import tvfix  # noqa: F401  torchvision without its operators
import numpy as np
import transformers as tf
from PIL import Image
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.janus.image_processing_pil_janus import JanusImageProcessorPil
from transformers.models.lfm2_vl.image_processing_lfm2_vl import Lfm2VlImageProcessor
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import LlavaOnevisionImageProcessorPil
from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

HERE = Path(__file__).parent
SIZES = [(40, 30), (17, 50), (90, 14)]

SYSTEM = ("system", ["You look closely.\nYou answer in one word."])
CONVERSATIONS = [
    [
        SYSTEM,
        ("user", [0, "What is this?  Two  spaces,\n\n1234 and naïve 日本 🎉\n"]),
        ("assistant", ["A cat.\n\nIt's there."]),
        ("user", ["Compare it", 1, 2, "with these: isn't it different?", " Say it."]),
        ("assistant", ["Yes, 3 of them."]),
        ("user", ["\n  Which one? "]),
    ],
    [("user", ["Text first, then ", 1, "\nthe question"])],
    [SYSTEM, ("user", ["No image here."])],
]


def picture(i: int) -> Image.Image:
    width, height = SIZES[i]
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return Image.fromarray(((x * 7 + y * 13 + c * 29 + i * 101) % 256).astype(np.uint8))


CORPUS = [part for conversation in CONVERSATIONS for _, content in conversation for part in content if isinstance(part, str)]
CORPUS += ["system user assistant model System: User: Assistant: USER: ASSISTANT: [INST] <<SYS>>\n\n\n\n" * 3]

QWEN_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3_WORDS = QWEN_WORDS.replace(r"|\p{N}|", r"|\p{N}{1,3}|")


def byte_level(special: list[str], words: str | None, bos: str | None = None, **names: str) -> tf.PreTrainedTokenizerFast:
    """As Qwen's (its `words`), Llama 3's and LFM2's (three digits a word, `bos` before all), GPT-2's (None) are."""
    raw = Tokenizer(models.BPE())
    bytes_alone = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=words is None)
    split = [] if words is None else [pre_tokenizers.Split(Regex(words), "isolated")]
    raw.pre_tokenizer = pre_tokenizers.Sequence([*split, bytes_alone]) if words else pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), bytes_alone])
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=340, initial_alphabet=alphabet, show_progress=False))
    raw.add_special_tokens(special)
    if bos:
        raw.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, raw.token_to_id(bos))])
    return fast(raw, special, **({"bos_token": bos} if bos else {}), **names)


def sentence_piece(special: list[str], prefix: bool, **names: str) -> tf.PreTrainedTokenizerFast:
    """As Llama 2's (a space before each text, bytes for what is not known) and Gemma's (no such space) are."""
    steps = [normalizers.Prepend("▁")] if prefix else []
    normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")]) if prefix else normalizers.Replace(" ", "▁")
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizer
    trained.pre_tokenizer = pre_tokenizers.Split(Regex("(?=▁)|(?<=\n)(?=[^\n])"), "isolated")
    trained.train_from_iterator([text for text in CORPUS if text.isascii()], trainers.BpeTrainer(vocab_size=180, show_progress=False))
    learnt = json.loads(trained.to_str())["model"]
    words = ["<pad>" if not prefix else "<unk>", *(["<eos>", "<bos>", "<unk>"] if not prefix else ["<s>", "</s>"]), *(f"<0x{i:02X}>" for i in range(256)), *learnt["vocab"]]
    vocab = {word: i for i, word in enumerate(dict.fromkeys(words))}
    raw = Tokenizer(models.BPE(vocab=vocab, merges=[tuple(pair) for pair in learnt["merges"]], unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    raw.normalizer = normalizer
    if not prefix:
        raw.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    raw.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    bos = "<s>" if prefix else "<bos>"
    raw.add_special_tokens([bos, "</s>" if prefix else "<eos>", "<unk>", *special])
    raw.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, raw.token_to_id(bos))])
    return fast(raw, special, bos_token=bos, eos_token="</s>" if prefix else "<eos>", unk_token="<unk>", **names)


def fast(raw: Tokenizer, special: list[str], **names: str) -> tf.PreTrainedTokenizerFast:
    own = ("bos_token", "eos_token", "unk_token", "pad_token")
    return tf.PreTrainedTokenizerFast(
        tokenizer_object=raw,
        **{name: word for name, word in names.items() if name in own},
        extra_special_tokens={name: word for name, word in names.items() if name not in own},
    )


TEXT = "{{ part['text'] }}"
VICUNA = """{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': ' }}{% endif %}\
{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\\n' }}{% endfor %}\
{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}{% if message['role'] == 'assistant' %}\
{% generation %}{{ part['text'] + ' ' }}{% endgeneration %}{% else %}{{ part['text'] + ' ' }}{% endif %}{% endfor %}{% endfor %}\
{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"""
MISTRAL = """{% for message in messages %}{% set texts = message['content'] | selectattr('type', 'equalto', 'text') | list %}\
{% if message['role'] == 'system' %}{{ '<<SYS>>\\n' + texts[0]['text'] + '\\n<</SYS>>\\n\\n' }}\
{% elif message['role'] == 'user' %}{{ '[INST] ' }}{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\\n' }}{% endfor %}\
{% for part in texts %}{{ part['text'] }}{% endfor %}{{ ' [/INST]' }}\
{% elif message['role'] == 'assistant' %}{{ ' ' + texts[0]['text'] + '</s> ' }}{% else %}{{ raise_exception('no such role') }}{% endif %}{% endfor %}"""
CHATML_TYPED = """{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}{% if message['content'] is string %}{{ message['content'] }}\
{% else %}{% for part in message['content'] %}{% if part['type'] == 'image' %}{{ '<IMG_CONTEXT>\\n' }}{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}\
{{ '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""
GEMMA = """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- set first = (messages[0]['content'] if messages[0]['content'] is string else messages[0]['content'][0]['text']) + '\\n\\n' -%}
    {%- set turns = messages[1:] -%}
{%- else -%}
    {%- set first = '' -%}
    {%- set turns = messages -%}
{%- endif -%}
{%- for message in turns -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception('user and assistant must take turns') }}
    {%- endif -%}
    {{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\\n' + (first if loop.first else '') }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- else -%}
        {%- for part in message['content'] -%}
            {%- if part['type'] == 'image' -%}
                {{ '<start_of_image>' }}
            {%- elif part['type'] == 'text' -%}
                {{ part['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<start_of_turn>model\\n' }}
{%- endif -%}
"""
SMOL = """BEGIN{% for message in messages %}{{ message['role'] | capitalize }}{{ ':' if message['content'][0]['type'] == 'image' else ': ' }}\
{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}{% elif part['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>
{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"""
LFM = """{{- bos_token -}}
{%- macro write(content) -%}
    {%- if content is string -%}
        {{- content -}}
    {%- else -%}
        {%- set ns = namespace(text='') -%}
        {%- for part in content -%}
            {%- set ns.text = ns.text + ('<image>' if part.type == 'image' else part.text) -%}
        {%- endfor -%}
        {{- ns.text -}}
    {%- endif -%}
{%- endmacro -%}
{%- for message in messages -%}
    {{- '<|im_start|>' + message.role + '\\n' + write(message.content) + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|im_start|>assistant\\n' -}}
{%- endif -%}"""
QWEN2 = """{% set images = namespace(count=0) %}{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system
You are a helpful assistant.<|im_end|>
{% endif %}<|im_start|>{{ message['role'] }}
{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}\
{% if part['type'] == 'image' or 'image' in part %}{% set images.count = images.count + 1 %}{% if add_vision_id %}Picture {{ images.count }}: {% endif %}<|vision_start|><|image_pad|><|vision_end|>\
{% elif 'text' in part %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
QWEN3 = """{%- if tools %}
    {{- raise_exception('no tools here') }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].content is string %}
        {{- messages[0].content }}
    {%- else %}
        {%- for part in messages[0].content %}
            {%- if 'text' in part %}
                {{- part.text }}
            {%- endif %}
        {%- endfor %}
    {%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role != 'system' %}
        {{- '<|im_start|>' + message.role + '\\n' }}
        {%- if message.content is string %}
            {{- message.content }}
        {%- else %}
            {%- for part in message.content %}
                {%- if part.type == 'image' or 'image' in part %}
<|vision_start|><|image_pad|><|vision_end|>
                {%- elif 'text' in part %}
                    {{- part.text }}
                {%- endif %}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""
PIXTRAL = """{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}[SYSTEM_PROMPT]{{ message['content'] if message['content'] is string else message['content'][0]['text'] }}[/SYSTEM_PROMPT]\
{% elif message['role'] == 'user' %}[INST]{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}\
{% elif part['type'] in ['image', 'image_url'] %}[IMG]{% else %}{{ raise_exception('text and images alone') }}{% endif %}{% endfor %}{% endif %}[/INST]\
{% else %}{{ (message['content'] if message['content'] is string else message['content'][0]['text']) + eos_token }}{% endif %}{% endfor %}"""
GLM4V = """[gMASK]<sop>
{%- for message in messages -%}
    <|{{ message['role'] }}|>
{% if message['content'] is string %}{{ message['content'] }}
    {%- else -%}
        {%- for part in message['content'] -%}
            {%- if part['type'] == 'image' -%}
                <|begin_of_image|><|image|><|end_of_image|>
            {%- elif part['type'] == 'text' -%}
                {{ part['text'] }}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    <|assistant|>
{{ '<think></think>\n' if enable_thinking is defined and not enable_thinking else '<think>' }}
{%- endif -%}"""
AYA = """{{ bos_token }}{% for message in messages %}<|START_OF_TURN_TOKEN|>{{ {'system': '<|SYSTEM_TOKEN|>', 'user': '<|USER_TOKEN|>', 'assistant': '<|CHATBOT_TOKEN|>'}[message['role']] }}\
{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}<image>{% endfor %}\
{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}{{ part['text'] | trim }}{% if not loop.last %}{{ '\\n' }}{% endif %}{% endfor %}{% endif %}<|END_OF_TURN_TOKEN|>{% endfor %}\
{% if add_generation_prompt %}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>{% endif %}"""
JANUS = """{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}{% for part in message['content'] %}{{ part['text'] }}{% endfor %}{{ '\\n\\n' }}\
{% else %}{{ '<|User|>: ' if message['role'] == 'user' else '<|Assistant|>: ' }}{% for part in message['content'] %}{% if part['type'] == 'image' %}<image_placeholder>{{ '\\n' }}\
{% else %}{{ part['text'] }}{% endif %}{% endfor %}{{ '\\n\\n' if message['role'] == 'user' else eos_token }}{% endif %}{% endfor %}{% if add_generation_prompt %}<|Assistant|>:{% endif %}"""

SIDE = {"height": 16, "width": 16}
QWEN_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"]
QWEN_NAMES = dict(eos_token="<|im_end|>", pad_token="<|endoftext|>", image_token="<|image_pad|>", video_token="<|video_pad|>", vision_bos_token="<|vision_start|>", vision_eos_token="<|vision_end|>")
SMOL_NAMES = dict(image_token="<image>", fake_image_token="<fake_token_around_image>", end_of_utterance_token="<end_of_utterance>", global_image_token="<global-img>")
ROWS = [f"<row_{r}_col_{c}>" for r in range(1, 7) for c in range(1, 7)]
TAGS = [f"<|img_row_{r}_col_{c}|>" for r in range(1, 5) for c in range(1, 5)]


def run(name: str, processor, image_token: str, template: str, model_type: str, **images_kwargs) -> None:
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer = processor.tokenizer
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(template)
    token = tokenizer.convert_tokens_to_ids(image_token)
    (folder / "config.json").write_text(json.dumps({"model_type": model_type, "image_token_id": token}) + "\n")
    raw = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(raw, ensure_ascii=False, separators=(",", ":")) + "\n")
    expected = []
    for conversation in CONVERSATIONS:
        typed = [{"role": role, "content": [{"type": "text", "text": p} if isinstance(p, str) else {"type": "image", "image": picture(p)} for p in content]} for role, content in conversation]
        written = []
        replace = type(processor).replace_image_token
        spy = lambda self, *a, **k: written.append(replace(self, *a, **k)) or written[-1]  # noqa: B023, E731
        with mock.patch.object(type(processor), "replace_image_token", spy):
            out = processor.apply_chat_template(typed, chat_template=template, add_generation_prompt=True, tokenize=True, return_dict=True, **images_kwargs)
        ids = out["input_ids"]
        ids = ids.tolist() if hasattr(ids, "tolist") else ids
        ids = ids[0] if isinstance(ids[0], (list, tuple)) else ids
        layouts = []
        for text in written:
            pieces = re.split(f"((?:{re.escape(image_token)})+)", text)
            layouts.append([len(p) // len(image_token) if p.startswith(image_token) else p for p in pieces if p])
        assert sum(n for layout in layouts for n in layout if isinstance(n, int)) == list(ids).count(token), name
        messages = [{"role": role, "content": [p if isinstance(p, str) else {"image": p} for p in content]} for role, content in conversation]
        expected.append({"messages": messages, "layouts": layouts, "ids": list(ids)})
    (folder / "expected.json").write_text("[\n" + ",\n".join(json.dumps(e, ensure_ascii=False) for e in expected) + "\n]\n")
    print(name, [len(e["ids"]) for e in expected], [e["layouts"] for e in expected][0][0])


def main() -> None:
    pinpoints = [[16, 32], [32, 16], [32, 32], [48, 16], [16, 48]]
    common = dict(patch_size=4, vision_feature_select_strategy="default", num_additional_image_tokens=1)
    clip = CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=SIDE)
    llama = lambda: sentence_piece(["<image>", "<pad>"], True, pad_token="<pad>", image_token="<image>")  # noqa: E731
    run("llava-1.5", tf.LlavaProcessor(clip, llama(), **common), "<image>", VICUNA, "llava")
    anyres = LlavaNextImageProcessorPil(size={"shortest_edge": 16}, crop_size=SIDE, image_grid_pinpoints=pinpoints)
    run("llava-next", tf.LlavaNextProcessor(anyres, llama(), **common), "<image>", MISTRAL, "llava_next")

    intern = byte_level([*QWEN_SPECIAL, "<img>", "</img>", "<IMG_CONTEXT>", "<video>"], QWEN_WORDS, eos_token="<|im_end|>", pad_token="<|endoftext|>", start_image_token="<img>", end_image_token="</img>", context_image_token="<IMG_CONTEXT>", video_token="<video>")
    tiles = GotOcr2ImageProcessorPil(size=SIDE, min_patches=1, max_patches=6)
    video = tf.models.internvl.video_processing_internvl.InternVLVideoProcessor()
    run("internvl3-hf", tf.InternVLProcessor(tiles, intern, video, image_seq_length=4), "<IMG_CONTEXT>", CHATML_TYPED, "internvl")

    gemma = sentence_piece(["<pad>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>", "<image_soft_token>"], False, pad_token="<pad>", boi_token="<start_of_image>", eoi_token="<end_of_image>", image_token="<image_soft_token>")
    run("gemma3", tf.Gemma3Processor(Gemma3ImageProcessorPil(size=SIDE), gemma, image_seq_length=4), "<image_soft_token>", GEMMA, "gemma3")

    smol = lambda bos: byte_level([bos, "<|im_end|>", "<image>", "<fake_token_around_image>", "<end_of_utterance>", "<global-img>", *ROWS], None, None, bos_token=bos, eos_token="<end_of_utterance>", pad_token="<|im_end|>", **SMOL_NAMES)  # noqa: E731
    with mock.patch("transformers.models.smolvlm.processing_smolvlm.num2words", object()):
        processor = tf.SmolVLMProcessor(
            SmolVLMImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 16}, do_image_splitting=True),
            smol("<|im_start|>"), tf.models.smolvlm.video_processing_smolvlm.SmolVLMVideoProcessor(), image_seq_len=4,
        )  # fmt: skip
    run("smolvlm2", processor, "<image>", SMOL.replace("BEGIN", "<|im_start|>"), "smolvlm")
    idefics = Idefics3ImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 16})
    run("idefics3", tf.Idefics3Processor(idefics, smol("<|begin_of_text|>"), image_seq_len=4), "<image>", SMOL.replace("BEGIN", "<|begin_of_text|>"), "idefics3")

    lfm = byte_level(["<|startoftext|>", "<|pad|>", "<|im_start|>", "<|im_end|>", "<image>", "<|image_start|>", "<|image_end|>", "<|img_thumbnail|>", *TAGS], LLAMA3_WORDS, "<|startoftext|>", eos_token="<|im_end|>", pad_token="<|pad|>", image_token="<image>", image_start_token="<|image_start|>", image_end_token="<|image_end|>", image_thumbnail_token="<|img_thumbnail|>")
    split = Lfm2VlImageProcessor(tile_size=32, encoder_patch_size=4, min_image_tokens=4, max_image_tokens=16, max_num_patches=64, min_tiles=2, max_tiles=4)
    run("lfm2-vl", tf.Lfm2VlProcessor(split, lfm), "<image>", LFM, "lfm2_vl")

    qwen = lambda: byte_level(QWEN_SPECIAL, QWEN_WORDS, **QWEN_NAMES)  # noqa: E731
    video = tf.models.qwen2_vl.video_processing_qwen2_vl.Qwen2VLVideoProcessor
    patches = lambda size: Qwen2VLImageProcessorPil(patch_size=size, size={"shortest_edge": 1024, "longest_edge": 4096})  # noqa: E731
    run("qwen2-vl", tf.Qwen2VLProcessor(patches(8), qwen(), video()), "<|image_pad|>", QWEN2, "qwen2_vl")
    run("qwen2.5-vl", tf.Qwen2_5_VLProcessor(patches(8), qwen(), video()), "<|image_pad|>", QWEN2, "qwen2_5_vl")
    video3 = tf.models.qwen3_vl.video_processing_qwen3_vl.Qwen3VLVideoProcessor
    run("qwen3-vl", tf.Qwen3VLProcessor(patches(8), qwen(), video3()), "<|image_pad|>", QWEN3, "qwen3_vl")
    run("qwen3.5", tf.Qwen3VLProcessor(patches(8), qwen(), video3()), "<|image_pad|>", QWEN3.rstrip().removesuffix("{%- endif %}") + "    {{- '<think>\\n' }}\n{%- endif %}\n", "qwen3_5")

    mistral_words = ["<s>", "</s>", "<unk>", "<pad>", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[INST]", "[/INST]", "[IMG]", "[IMG_BREAK]", "[IMG_END]"]
    mistral_names = dict(eos_token="</s>", unk_token="<unk>", pad_token="<pad>", image_token="[IMG]", image_break_token="[IMG_BREAK]", image_end_token="[IMG_END]")
    pixels = lambda merge: PixtralImageProcessorPil(size={"longest_edge": 48}, patch_size={"height": 8 // merge, "width": 8 // merge})  # noqa: E731
    mistral = lambda: byte_level(mistral_words, LLAMA3_WORDS, "<s>", **mistral_names)  # noqa: E731
    run("pixtral", tf.PixtralProcessor(pixels(1), mistral(), patch_size=8), "[IMG]", PIXTRAL, "llava")
    run("mistral3", tf.PixtralProcessor(pixels(2), mistral(), patch_size=4, spatial_merge_size=2), "[IMG]", PIXTRAL, "mistral3")

    glm_words = ["<|endoftext|>", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>", "<|begin_of_image|>", "<|image|>", "<|end_of_image|>", "<|video|>", "<think>", "</think>"]
    glm = byte_level(glm_words, LLAMA3_WORDS, eos_token="<|endoftext|>", pad_token="<|endoftext|>", image_token="<|image|>", video_token="<|video|>")
    glm_pixels = Glm4vImageProcessorPil(patch_size=8, size={"shortest_edge": 1024, "longest_edge": 8192})
    run("glm4v", tf.Glm4vProcessor(glm_pixels, glm, tf.models.glm4v.video_processing_glm4v.Glm4vVideoProcessor()), "<|image|>", GLM4V, "glm4v")

    aya_words = ["<BOS_TOKEN>", "<EOS_TOKEN>", "<PAD>", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|SYSTEM_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>", "<image>", "<|START_OF_IMG|>", "<|END_OF_IMG|>", "<|IMG_LINE_BREAK|>", "<|IMG_PATCH|>", *[f"TILE_{i}" for i in range(1, 7)], "TILE_GLOBAL", "TILE"]
    aya = byte_level(aya_words, LLAMA3_WORDS, "<BOS_TOKEN>", eos_token="<EOS_TOKEN>", pad_token="<PAD>", image_token="<image>")
    run("aya-vision", tf.AyaVisionProcessor(GotOcr2ImageProcessorPil(size=SIDE, min_patches=1, max_patches=6), aya, patch_size=4, img_size=16, downsample_factor=2), "<|IMG_PATCH|>", AYA, "aya_vision")

    janus = byte_level(["<|begin_of_sentence|>", "<|end_of_sentence|>", "<pad>", "<|User|>", "<|Assistant|>", "<image_placeholder>", "<begin_of_image>", "<end_of_image>"], LLAMA3_WORDS, "<|begin_of_sentence|>", eos_token="<|end_of_sentence|>", pad_token="<pad>", image_token="<image_placeholder>", boi_token="<begin_of_image>", eoi_token="<end_of_image>")
    run("janus", tf.JanusProcessor(JanusImageProcessorPil(size={"height": 16, "width": 16}), janus, num_image_tokens=4, use_default_system_prompt=False), "<image_placeholder>", JANUS, "janus")

    onevision = byte_level([*QWEN_SPECIAL, "<image>", "<video>"], QWEN_WORDS, eos_token="<|im_end|>", pad_token="<|endoftext|>", image_token="<image>", video_token="<video>")
    tiles = LlavaOnevisionImageProcessorPil(size=SIDE, image_grid_pinpoints=pinpoints)
    processor = tf.LlavaOnevisionProcessor(tiles, onevision, tf.models.llava_onevision.video_processing_llava_onevision.LlavaOnevisionVideoProcessor(), num_image_tokens=16, vision_feature_select_strategy="full")
    run("llava-onevision", processor, "<image>", CHATML_TYPED.replace("<IMG_CONTEXT>", "<image>"), "llava_onevision")


if __name__ == "__main__":
    main()
