"""Speaks the Open Inference Protocol to a running application with the libraries of Triton and MLServer, unmodified.

    python inference_clients.py BASE_URL

Says nothing and exits with 0 when every answer is as it should be.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import requests
import tritonclient.http as triton
from mlserver.codecs import NumpyCodec, NumpyRequestCodec
from mlserver.types import (
    InferenceRequest,
    InferenceResponse,
    MetadataModelResponse,
    MetadataServerResponse,
)
from tritonclient.utils import InferenceServerException

import checks

BASE_URL = sys.argv[1]
ADDRESS = BASE_URL.removeprefix("http://")
client = triton.InferenceServerClient(ADDRESS)

FLOWERS = numpy.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]], dtype=numpy.float32)
CLASSES = [0, 2]


def features(flowers=FLOWERS, binary=False):
    tensor = triton.InferInput("features", list(flowers.shape), "FP32")
    tensor.set_data_from_numpy(flowers, binary_data=binary)
    return [tensor]


def refused(status, text, call, *arguments, **options):
    """Checks that a call raises the library's own exception, with the server's message."""
    try:
        answer = call(*arguments, **options)
    except InferenceServerException as error:
        assert error.status() == str(status), error
        assert text in error.message(), error
        return
    raise AssertionError(f"{answer!r}, expected {status}: {text}")


def test_triton_asks_after_the_server():
    assert client.is_server_live() and client.is_server_ready()
    assert client.get_server_metadata()["name"] == "routelets"
    for version in ("", "1"):
        assert client.is_model_ready("iris", version)
        model = client.get_model_metadata("iris", version)
        assert model["name"] == "iris" and model["versions"] == ["1"], model
        [tensor] = model["inputs"]
        assert tensor == {"name": "features", "datatype": "FP32", "shape": [-1, 4]}, tensor
    assert not client.is_model_ready("tulip") and not client.is_model_ready("iris", "2")
    refused(404, "there is no model 'tulip', only 'iris'", client.get_model_metadata, "tulip")
    refused(404, "there is no version '2'", client.get_model_metadata, "iris", "2")
    refused(404, "nothing answers at /v2/models/iris/config", client.get_model_config, "iris")


def test_triton_infers():
    label = [triton.InferRequestedOutput("label", binary_data=False)]
    # By default it asks for outputs as bytes, and takes JSON.
    by_default = [triton.InferRequestedOutput("label"), triton.InferRequestedOutput("probabilities")]
    for outputs in (None, label, by_default):
        for version in ("", "1"):
            result = client.infer("iris", features(), version, outputs=outputs, request_id="42")
            assert result.as_numpy("label").tolist() == CLASSES, result.get_response()
            assert result.get_response()["id"] == "42", result.get_response()
            if outputs is not label:
                assert result.as_numpy("probabilities").shape == (2, 3)
    asynchronous = client.async_infer("iris", features())
    assert asynchronous.get_result().as_numpy("label").tolist() == CLASSES


def test_triton_is_refused_by_name():
    refused(415, "the extension `binary_tensor_data`", client.infer, "iris", features(binary=True))
    refused(404, "there is no model 'tulip'", client.infer, "tulip", features())
    refused(422, "sepal_length", client.infer, "iris", features(FLOWERS * numpy.float32(-1)))
    compressed = {"request_compression_algorithm": "gzip"}
    refused(415, "compressed with 'gzip'", client.infer, "iris", features(), **compressed)
    shared = triton.InferInput("features", [1, 4], "FP32")
    shared.set_shared_memory("region", 16)
    refused(422, "the extension `shared_memory`", client.infer, "iris", [shared])
    classes = [triton.InferRequestedOutput("label", class_count=1)]
    refused(422, "the extension `classification`", client.infer, "iris", features(), outputs=classes)


def get(path, kind):
    return kind.model_validate(requests.get(f"{BASE_URL}{path}", timeout=60).json())


def test_mlserver_reads_what_is_said():
    assert get("/v2", MetadataServerResponse).name == "routelets"
    for path in ("/v2/models/iris", "/v2/models/iris/versions/1"):
        model = get(path, MetadataModelResponse)
        assert model.name == "iris" and model.inputs[0].shape == [-1, 4], model


def test_mlserver_infers():
    request = NumpyRequestCodec.encode_request(FLOWERS)
    request.inputs[0].name = "features"
    named = InferenceRequest(inputs=[NumpyCodec.encode_input("features", FLOWERS)])
    bodies = []
    for it in (request, named):
        # As its serialiser writes it, with null for absent members.
        bodies += [it.model_dump_json(), it.model_dump_json(exclude_none=False, exclude_unset=False)]
    assert any('"outputs":null' in body for body in bodies), bodies
    json_type = {"content-type": "application/json"}
    for body in bodies:
        for headers in (json_type, {}):
            url = f"{BASE_URL}/v2/models/iris/infer"
            answer = requests.post(url, data=body.encode(), headers=headers, timeout=60)
            assert answer.status_code == 200, (body, answer.text)
            response = InferenceResponse.model_validate(answer.json())
            assert response.model_name == "iris" and response.model_version == "1", response
            outputs = {output.name: NumpyCodec.decode_output(output) for output in response.outputs}
            assert outputs["label"].ravel().tolist() == CLASSES, outputs
            assert outputs["probabilities"].shape == (2, 3), outputs


def test_mlserver_infers_a_file():
    with tempfile.TemporaryDirectory() as folder:
        lines, answers = Path(folder, "in.jsonl"), Path(folder, "out.jsonl")
        tensor = {"name": "features", "shape": [1, 4], "datatype": "FP32"}
        rows = [{"inputs": [tensor | {"data": row}]} for row in FLOWERS.tolist()]
        lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
        program = Path(sys.executable).with_name("mlserver")
        command = [program, "infer", "-u", ADDRESS, "-m", "iris", "-i", lines, "-o", answers]
        ended = subprocess.run([*command, "--batch-size", "2"], check=False, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 0, ended.stderr
        found = [json.loads(line) for line in answers.read_text().splitlines()]
        found.sort(key=lambda answer: answer["parameters"]["batch_index"])
        labels = [answer["outputs"][0]["data"] for answer in found]
        assert labels == [[label] for label in CLASSES], found


checks.run(globals())
