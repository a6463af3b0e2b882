def files(image):
    yield "testdev_balanced_images/testdev-0.parquet", [{"id": f"n{i}", "image": image(i)} for i in range(3)], {}
    rows = [
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
    ]
    yield "testdev_balanced_instructions/testdev-0.parquet", rows, {}
