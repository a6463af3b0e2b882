import pyarrow as pa


def files(image):
    columns = {f"image_{i}": None for i in range(1, 8)}
    rows = [
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
    table = pa.Table.from_pylist(rows)
    for name in columns:
        table = table.set_column(table.schema.get_field_index(name), name, pa.array([row[name] for row in rows], struct))
    yield "Accounting/validation-00000-of-00001.parquet", table, {}
