def files(image):
    rows = [
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
    ]
    yield "mmbench.parquet", rows, {}
