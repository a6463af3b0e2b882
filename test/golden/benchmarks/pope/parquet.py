def files(image):
    rows = [
        {
            "id": str(i),
            "question_id": "1",
            "question": "Is there a cat in the image?",
            "answer": answer,
            "image": image(i),
            "category": category,
        }
        for i, (answer, category) in enumerate([("yes", "random"), ("no", "popular"), ("no", "adversarial")])
    ]
    yield "pope.parquet", rows, {"compression": "zstd"}
