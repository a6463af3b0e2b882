"""Writes captions.json: sentences with the tokens of Stanford's Penn Treebank lexer, and generated captions with the scores of
pycocoevalcap.

    python make_captions.py PYCOCOEVALCAP CLASSES

PYCOCOEVALCAP is a clone of salaniz/pycocoevalcap, at ad63453. CLASSES has the compiled edu.stanford.nlp.process.PTBTokenizer.
pycocoevalcap runs that of CoreNLP 3.4.1. Its jar was not at hand: the classes were those of July 2012, compiled from the sources in
cldellow/stanford-pos-tagger, at 91bf0ba. Where later versions differ (`gonna`, square brackets), the sentences keep away.
Needs numpy and Java.
"""

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PUNCTUATIONS = ["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";"]
WORDS = "a a a the the dog dogs man woman in in on of red grey jumps runs is ball water girl's don't black-and-white two .".split()


def tokenized(sentences, classes):
    """As tokenizer/ptbtokenizer.py does it."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(sentences))
        file.flush()
        command = ["java", "-cp", classes, "edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase", file.name]
        lines = subprocess.run(command, check=True, capture_output=True).stdout.decode().split("\n")
    return [" ".join(w for w in line.rstrip().split(" ") if w not in PUNCTUATIONS) for line in lines[: len(sentences)]]


def main(checkout, classes):
    sys.path.insert(0, checkout)
    from bleu.bleu import Bleu
    from cider.cider import Cider

    sentences = (HERE / "sentences.txt").read_text().splitlines()
    rng = random.Random(0)
    sentence = lambda least: " ".join(rng.choice(WORDS) for _ in range(rng.randint(least, 12)))
    images = []
    for _ in range(40):
        references = [sentence(3) for _ in range(rng.choice([1, 3, 5]))]
        # Some captions are a reference, some begin as one, some have no words.
        caption = rng.choice([sentence(1), sentence(3), references[0], references[0][:20], "..."])
        images.append({"caption": caption, "references": references})
    flat = tokenized([text for image in images for text in (image["caption"], *image["references"])], classes)
    gts, res = {}, {}
    for i, image in enumerate(images):
        res[i], gts[i] = [flat.pop(0)], [flat.pop(0) for _ in image["references"]]
    bleu, bleus = Bleu(4).compute_score(gts, res, verbose=0)
    cider, ciders = Cider().compute_score(gts, res)
    written = {
        "sentences": [{"text": t, "tokens": k} for t, k in zip(sentences, tokenized(sentences, classes), strict=True)],
        "images": images,
        "bleu": bleu,
        "bleu4s": bleus[3],
        "cider": float(cider),
        "ciders": ciders.tolist(),
    }
    (HERE / "captions.json").write_text(json.dumps(written, ensure_ascii=False, indent=1) + "\n")


main(*sys.argv[1:])
