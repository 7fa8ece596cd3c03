"""The peer in a container: the routes of this API that compute, as a FastAPI application on the libraries one would take.

No jobs, no subtitles, no formats of sound but those of libsndfile, no OpenAI routes; the docs are FastAPI's.
"""

import io
import json
from decimal import Decimal, getcontext

import numpy as np
import onnxruntime
import soundfile
from fastapi import FastAPI, HTTPException, UploadFile
from pydantic import BaseModel
from sympy import factorint

getcontext().prec = 1_000
SPECIES = ["setosa", "versicolor", "virginica"]
FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
IRIS = onnxruntime.InferenceSession("iris.onnx")
SPEECH = onnxruntime.InferenceSession("speech.onnx")
META = SPEECH.get_modelmeta().custom_metadata_map
VOCABULARY = json.loads(META["vocabulary"])
RATE = int(META["sample_rate"])

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
        sound, rate = soundfile.read(io.BytesIO(file.file.read()), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise HTTPException(415, str(error)) from error
    sound = sound.mean(axis=1)
    positions = np.arange(0, len(sound), rate / RATE)
    samples = np.interp(positions, np.arange(len(sound)), sound).astype(np.float32)
    (logits,) = SPEECH.run(None, {"waveform": samples[None]})
    best = logits[0].argmax(axis=1)
    changes = best[np.insert(best[1:] != best[:-1], 0, True)]
    letters = "".join(VOCABULARY[token] for token in changes if len(VOCABULARY[token]) == 1)
    return {"transcription": letters.replace("|", " ").strip(), "duration": f"{len(sound) / rate:.1f}"}
