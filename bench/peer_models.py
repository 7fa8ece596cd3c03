"""The peer of a model or a function: an application of FastAPI for each."""

import json
import sys
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI
from pydantic import BaseModel, Field

FILES = Path(__file__).resolve().parent.parent / "target/bench/models"


def application() -> FastAPI:
    """What each has."""
    app = FastAPI()

    @app.get("/ping")
    async def ping() -> dict[str, str]:
        return {"message": "pong"}

    return app


def session(name: str):
    """The model in ONNX Runtime, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(FILES / f"{name}.onnx", options, providers=["CPUExecutionProvider"])


class Flower(BaseModel):
    features: Annotated[list[float], Field(min_length=4, max_length=4)]


def forest() -> FastAPI:
    import numpy

    app, model = application(), session("forest")
    classes = json.loads((FILES / "forest.json").read_text())["model"]["outputs"][1]["classes"]

    @app.post("/forest")
    async def predict(flower: Flower) -> dict:
        label, scores = model.run(None, {"features": numpy.array([flower.features], numpy.float32)})
        return {"label": label[0].item(), "probabilities": dict(zip(map(str, classes), scores[0].tolist(), strict=True))}

    return app


class Picture(BaseModel):
    image: Annotated[
        list[Annotated[list[Annotated[list[float], Field(min_length=32, max_length=32)]], Field(min_length=32, max_length=32)]],
        Field(min_length=3, max_length=3),
    ]


def cnn() -> FastAPI:
    import numpy

    app, model = application(), session("cnn")

    @app.post("/cnn")
    async def predict(picture: Picture) -> dict:
        (scores,) = model.run(None, {"image": numpy.array([picture.image], numpy.float32)})
        return {"scores": scores[0].tolist()}

    return app


class Person(BaseModel):
    weight: Annotated[float, Field(gt=0, le=500, description="Weight in kilograms.")]
    height: Annotated[float, Field(gt=0, le=3, description="Height in metres.")]


def bmi() -> FastAPI:
    sys.path.append(str(FILES / "bmi"))
    from function import bmi

    app = application()

    @app.post("/bmi")
    async def call(person: Person) -> float:
        return bmi(person.weight, person.height)

    return app
