"""Writes small parquet files in the layouts of the Hugging Face hub's benchmarks, two row groups each. Needs pyarrow, Pillow.

python make_parquet.py
"""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

FOLDER = Path(__file__).parent / "parquet"


def image(shade):
    file = io.BytesIO()
    Image.new("RGB", (4, 3), (shade, 10, 20)).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": f"{shade}.png"}


def write(name, rows, **options):
    path = FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2, **options)


write(
    "mme.parquet",
    [
        {
            "question_id": f"color/{i // 2}.png",
            "question": f"Is it {i}? Please answer yes or no.",
            "answer": answer,
            "category": "color",
            "image": image(i),
        }
        for i, answer in enumerate(["Yes", "No", "No", "Yes"])
    ],
)
write(
    "pope.parquet",
    [
        {
            "id": str(i),
            "question_id": "1",
            "question": "Is there a cat in the image?",
            "answer": answer,
            "image": image(i),
            "category": category,
        }
        for i, (answer, category) in enumerate([("yes", "random"), ("no", "popular"), ("no", "adversarial")])
    ],
    compression="zstd",
)
write("gqa/testdev_balanced_images/testdev-0.parquet", [{"id": f"n{i}", "image": image(i)} for i in range(3)])
write(
    "gqa/testdev_balanced_instructions/testdev-0.parquet",
    [
        {
            "id": "20",
            "imageId": "n2",
            "question": "What is it?",
            "answer": "cat",
            "types": {"structural": "query", "semantic": "obj", "detailed": "x"},
        },
        {
            "id": "21",
            "imageId": "n0",
            "question": "Is it red?",
            "answer": "no",
            "types": {"structural": "verify", "semantic": "attr", "detailed": "y"},
        },
    ],
)
write(
    "mmbench.parquet",
    [
        {
            "index": index,
            "question": "Which?",
            "hint": hint,
            "answer": answer,
            "A": "cat",
            "B": "dog",
            "C": third,
            "D": "nan",
            "category": "image_scene",
            "image": image(index % 7),
            "source": "s",
            "L2-category": "coarse_perception",
            "comment": "nan",
            "split": "dev",
        }
        for index, hint, answer, third in [(241, "nan", "A", "nan"), (1_000_241, "nan", "B", "nan"), (300, "Look.", "C", "bird")]
    ],
)
write(
    "seedbench.parquet",
    [
        {
            "answer": "B",
            "choice_a": "one",
            "choice_b": "two",
            "choice_c": "three",
            "choice_d": "four",
            "data_id": str(i),
            "data_type": kind,
            "question": "How many?",
            "question_id": str(i),
            "question_type_id": 5,
            "image": [image(i)],
        }
        for i, kind in enumerate(["image", "video", "image"])
    ],
)
write(
    "ai2d.parquet",
    [{"question": "Which?", "options": ["sun", "moon", "star"], "answer": str(i), "image": image(i)} for i in range(3)],
)
write(
    "textvqa.parquet",
    [
        {
            "image_id": f"i{i}",
            "question_id": 34602 + i,
            "question": "what brand is it?",
            "image": image(i),
            "answers": ["nokia"] * 6 + ["toshiba"] * 4,
            "ocr_tokens": ["NOKIA", "3310"],
        }
        for i in range(3)
    ],
    compression="gzip",
)
columns = {f"image_{i}": None for i in range(1, 8)}
mmmu = [
    {
        "id": "validation_Accounting_1",
        "question": "<image 1> What is the cost?",
        "options": "['$6', '$7', \"$8's\", '$9']",
        "explanation": "",
        "img_type": "['Tables']",
        "answer": "B",
        "topic_difficulty": "Easy",
        "question_type": "multiple-choice",
        "subfield": "x",
    }
    | columns
    | {"image_1": image(1)},
    {
        "id": "validation_Accounting_2",
        "question": "Compare <image 2> with <image 1>.",
        "options": "[]",
        "explanation": "",
        "img_type": "['Tables']",
        "answer": "['24/7', '3.429']",
        "topic_difficulty": "Hard",
        "question_type": "open",
        "subfield": "x",
    }
    | columns
    | {"image_1": image(3), "image_2": image(4)},
]
# The columns without an image have the type of the others.
struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
table = pa.Table.from_pylist(mmmu)
for name in columns:
    table = table.set_column(table.schema.get_field_index(name), name, pa.array([row[name] for row in mmmu], struct))
(FOLDER / "mmmu/Accounting").mkdir(parents=True, exist_ok=True)
pq.write_table(table, FOLDER / "mmmu/Accounting/validation-00000-of-00001.parquet")
