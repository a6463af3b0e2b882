def files(image):
    rows = [
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
    ]
    yield "seedbench.parquet", rows, {}
