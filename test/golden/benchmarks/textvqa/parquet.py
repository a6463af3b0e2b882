def files(image):
    rows = [
        {
            "image_id": f"i{i}",
            "question_id": 34602 + i,
            "question": "what brand is it?",
            "image": image(i),
            "answers": ["nokia"] * 6 + ["toshiba"] * 4,
            "ocr_tokens": ["NOKIA", "3310"],
        }
        for i in range(3)
    ]
    yield "textvqa.parquet", rows, {"compression": "gzip"}
