def files(image):
    rows = [
        {
            "question_id": f"color/{i // 2}.png",
            "question": f"Is it {i}? Please answer yes or no.",
            "answer": answer,
            "category": "color",
            "image": image(i),
        }
        for i, answer in enumerate(["Yes", "No", "No", "Yes"])
    ]
    yield "mme.parquet", rows, {}
