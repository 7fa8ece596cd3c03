use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{MAX_ROWS, Measurement};

fn request(body: &str) -> Result<InferRequest, String> {
    serde_json::from_str(body).map_err(|error| error.to_string())
}

/// With a model that takes flowers of long sepals and narrow petals for *versicolor*.
fn answer(body: &Value) -> Result<Value, String> {
    let inference = Inference::try_from(request(&body.to_string())?);
    let inference = inference.map_err(|error| error.to_string())?;
    let prediction = |flower: &Measurement| {
        let [sepal_length, _, _, petal_width] = flower.centimetres();
        let (class, shares) = match (sepal_length > 6.0, petal_width > 1.5) {
            (false, _) => (0, [1.0, 0.0, 0.0]),
            (true, false) => (1, [0.0, 1.0, 0.0]),
            (true, true) => (2, [0.0, 0.0, 1.0]),
        };
        Prediction::new(class, shares).expect("a class")
    };
    let predictions: Vec<_> = inference.flowers().iter().map(prediction).collect();
    Ok(serde_json::to_value(inference.answer(&predictions)).expect("serializes"))
}

fn with_input(shape: &Value, datatype: &str, data: &Value) -> Value {
    json!({"inputs": [{"name": "features", "shape": shape, "datatype": datatype, "data": data}]})
}

fn refusal(body: &Value) -> String {
    answer(body).expect_err(&body.to_string())
}

#[test]
fn answers_every_form_of_the_data() {
    let label = json!({"name": "label", "datatype": "INT64", "shape": [2], "data": [0, 1]});
    let probabilities = json!({
        "name": "probabilities", "datatype": "FP32", "shape": [2, 3],
        "data": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
    });
    let flat = json!([5.1, 3.5, 1.4, 0.2, 7.0, 3.2, 4.7, 1.4]);
    let nested = json!([[5.1, 3.5, 1.4, 0.2], [7.0, 3.2, 4.7, 1.4]]);
    for data in [&flat, &nested] {
        for datatype in ["FP32", "FP64"] {
            let mut body = with_input(&json!([2, 4]), datatype, data);
            body["id"] = json!("42");
            body["parameters"] = json!({"ignored": true});
            assert_eq!(
                answer(&body),
                Ok(json!({
                    "model_name": "iris", "model_version": "1", "id": "42", "outputs": [label, probabilities]
                }))
            );
        }
    }
    let one = answer(&with_input(&json!([4]), "INT64", &json!([7, 3, 6, 2]))).expect("one flower");
    assert_eq!(one.get("id"), None);
    assert_eq!(
        (&one["outputs"][0]["shape"], &one["outputs"][1]["shape"]),
        (&json!([1]), &json!([1, 3]))
    );
    assert_eq!(one["outputs"][0]["data"], json!([2]));
}

#[test]
fn returns_the_outputs_asked_for() {
    let mut body = with_input(&json!([1, 4]), "FP32", &json!([5.1, 3.5, 1.4, 0.2]));
    for (outputs, names) in [
        (json!([{"name": "probabilities"}]), vec!["probabilities"]),
        (json!([{"name": "label", "parameters": {}}]), vec!["label"]),
        (
            json!([{"name": "probabilities"}, {"name": "label"}]),
            vec!["probabilities", "label"],
        ),
        (json!([]), vec!["label", "probabilities"]),
    ] {
        body["outputs"] = outputs;
        let answer = answer(&body).expect("valid");
        let returned: Vec<_> = answer["outputs"]
            .as_array()
            .expect("array")
            .iter()
            .map(|o| &o["name"])
            .collect();
        assert_eq!(returned, names);
    }
    body["outputs"] = json!([{"name": "score"}]);
    assert_eq!(
        refusal(&body),
        "the model has no output \"score\", only `label` and `probabilities`"
    );
    body["outputs"] = json!([{"name": "label"}, {"name": "label"}]);
    assert_eq!(refusal(&body), "output `label` is requested twice");
}

#[test]
fn refuses_other_inputs() {
    let input = json!({"name": "features", "shape": [4], "datatype": "FP32", "data": [1, 1, 1, 1]});
    assert_eq!(
        refusal(&json!({"inputs": []})),
        "0 input tensors instead of one named `features`"
    );
    assert_eq!(
        refusal(&json!({"inputs": [input, input]})),
        "2 input tensors instead of one named `features`"
    );
    let mut other = input.clone();
    other["name"] = json!("input-0");
    assert_eq!(
        refusal(&json!({"inputs": [other]})),
        "the model has no input \"input-0\", only `features`"
    );
    assert!(refusal(&json!({})).starts_with("missing field `inputs`"));
    assert!(
        refusal(&with_input(&json!([4]), "BYTES", &json!([])))
            .starts_with("unknown variant `BYTES`, expected one of")
    );
}

#[test]
fn refuses_shapes_that_are_not_flowers() {
    let expected = "input `features`: the shape must be [n, 4] with n from 1 to 10000, or [4]";
    for shape in [
        json!([]),
        json!([1]),
        json!([4, 1]),
        json!([0, 4]),
        json!([1, 1, 4]),
        json!([10_001, 4]),
        json!([u64::MAX, 4]),
    ] {
        assert_eq!(
            refusal(&with_input(&shape, "FP32", &json!([1, 1, 1, 1]))),
            expected
        );
    }
    assert!(
        refusal(&with_input(&json!([-1, 4]), "FP32", &json!([1, 1, 1, 1])))
            .starts_with("invalid value")
    );
}

#[test]
fn refuses_data_of_another_form_than_the_shape() {
    for (shape, data) in [
        ([1, 4].as_slice(), json!([])),
        (&[1, 4], json!([1, 1, 1])),
        (&[1, 4], json!([1, 1, 1, 1, 1])),
        (&[2, 4], json!([1, 1, 1, 1])),
        (&[1, 4], json!([[1, 1, 1]])),
        (&[2, 4], json!([[1, 1, 1, 1]])),
        (&[4], json!([[1, 1, 1, 1]])),
    ] {
        let expected = format!(
            "input `features`: the data does not have the form {shape:?} that the shape gives"
        );
        assert_eq!(refusal(&with_input(&json!(shape), "FP32", &data)), expected);
    }
}

#[test]
fn refuses_elements_that_are_not_measurements() {
    let data = |data: Value| refusal(&with_input(&json!([1, 4]), "FP32", &data));
    assert!(data(json!([1, [1], 1, 1])).starts_with("data mixes numbers and arrays"));
    assert!(
        data(json!([[1, 1, 1, 1, 1]]))
            .starts_with("invalid length 5, expected a number or an array of 4 numbers")
    );
    assert!(data(json!(["1", 1, 1, 1])).starts_with("invalid type: string \"1\""));
    assert!(data(json!([[[1]]])).starts_with("invalid type: sequence, expected f64"));
    assert!(
        data(json!([{"a": 1}])).starts_with("invalid type: map, expected a number or an array")
    );
    assert!(data(json!("AACgQA==")).starts_with("invalid type: string"));
    assert!(data(json!([1, null, 1, 1])).starts_with("invalid type: null"));
    assert_eq!(
        data(json!([1, 1, 0, 1])),
        "input `features`: flower 0: petal_length must be above 0 and at most 100 cm, not 0.0"
    );
    assert_eq!(
        refusal(&with_input(&json!([4]), "INT32", &json!([1, 1.5, 1, 1]))),
        "input `features`: 1.5 is not of the integer data type"
    );
    let huge =
        r#"{"inputs":[{"name":"features","shape":[4],"datatype":"FP64","data":[1e999,1,1,1]}]}"#;
    assert!(
        request(huge)
            .expect_err("out of range")
            .starts_with("number out of range")
    );
}

#[test]
fn stops_at_the_limit() {
    let flat =
        |flowers: usize| with_input(&json!([flowers, 4]), "FP32", &json!(vec![1; flowers * 4]));
    let rows =
        |flowers: usize| with_input(&json!([flowers, 4]), "FP32", &json!(vec![[1; 4]; flowers]));
    assert!(answer(&flat(MAX_ROWS)).is_ok());
    assert!(answer(&rows(MAX_ROWS)).is_ok());
    for (body, length) in [(flat(MAX_ROWS + 1), 40_001), (rows(MAX_ROWS + 1), 10_001)] {
        let error = refusal(&body);
        assert!(
            error.starts_with(&format!(
                "invalid length {length}, expected at most 40000 numbers"
            )),
            "{error}"
        );
    }
}

#[test]
fn describes_the_tensors_of_the_model() {
    assert_eq!(
        serde_json::to_value(metadata()).expect("serializes"),
        json!({
            "name": "iris", "versions": ["1"], "platform": "onnx_onnxv1",
            "inputs": [{"name": "features", "datatype": "FP32", "shape": [-1, 4]}],
            "outputs": [
                {"name": "label", "datatype": "INT64", "shape": [-1]},
                {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
            ],
        })
    );
}

/// JSON values of which some are nearly tensors.
fn any_data() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<f64>().prop_map(|number| json!(number)),
        any::<i64>().prop_map(|number| json!(number)),
        (0.1..100.0).prop_map(|number: f64| json!(number)),
        Just(json!("1")),
        Just(json!({})),
        Just(Value::Null),
    ];
    leaf.prop_recursive(3, 32, 8, |inner| {
        prop::collection::vec(inner, 0..8).prop_map(Value::Array)
    })
}

proptest! {
    #[test]
    fn reads_what_was_sent(rows in prop::collection::vec(prop::array::uniform4(f64::MIN_POSITIVE..=100.0), 1..20)) {
        let shape = json!([rows.len(), 4]);
        let expected: Vec<_> = rows.iter().map(|&row| Measurement::new(row).expect("valid")).collect();
        for data in [json!(rows.concat()), json!(rows)] {
            let request = request(&with_input(&shape, "FP64", &data).to_string()).expect("valid");
            prop_assert_eq!(request.inputs[0].measurements().expect("valid"), expected.clone());
            prop_assert_eq!(serde_json::to_value(&request.inputs[0].data).expect("serializes"), data);
        }
    }

    #[test]
    fn takes_any_data(shape in prop::collection::vec(prop_oneof![0_u64..5, any::<u64>()], 0..4), data in any_data()) {
        if let Ok(request) = request(&with_input(&json!(shape), "FP32", &data).to_string()) {
            let _ = request.inputs[0].measurements();
        }
    }

    #[test]
    fn takes_any_text(body in "\\PC{0,200}") {
        let _ = request(&body);
    }
}

#[test]
fn null_is_like_absent() {
    let input = json!({"name": "features", "shape": [4], "datatype": "FP32", "parameters": null,
        "data": [5.1, 3.5, 1.4, 0.2]});
    let plain = answer(&json!({"inputs": [input]}));
    assert!(plain.is_ok());
    for body in [
        json!({"inputs": [input], "outputs": null, "id": null, "parameters": null}),
        json!({"inputs": [input], "outputs": [
            {"name": "label", "parameters": null}, {"name": "probabilities", "parameters": {}},
        ]}),
    ] {
        assert_eq!(answer(&body), plain);
    }
    let mut without = input.clone();
    without["data"] = Value::Null;
    assert_eq!(
        refusal(&json!({"inputs": [without]})),
        "input `features`: there is no `data`"
    );
    for body in [json!({"inputs": null}), json!({"inputs": [null]})] {
        assert!(refusal(&body).starts_with("invalid type: null"));
    }
}

#[test]
fn extensions_are_refused_by_name() {
    let mut input = json!({"name": "features", "shape": [1, 4], "datatype": "FP32"});
    for (parameter, name) in [
        ("binary_data_size", "binary_tensor_data"),
        ("shared_memory_region", "shared_memory"),
    ] {
        input["parameters"] = json!({parameter: 16});
        let message = refusal(&json!({"inputs": [input]}));
        let expected = format!("input `features`: `{parameter}` belongs to the extension `{name}`");
        assert!(message.starts_with(&expected), "{message}");
    }
    let mut body = with_input(&json!([4]), "FP32", &json!([5.1, 3.5, 1.4, 0.2]));
    for (parameter, name) in [
        ("classification", "classification"),
        ("shared_memory_region", "shared_memory"),
    ] {
        body["outputs"] = json!([{"name": "label", "parameters": {parameter: 1}}]);
        let message = refusal(&body);
        let expected = format!("output `label`: `{parameter}` belongs to the extension `{name}`");
        assert!(message.starts_with(&expected), "{message}");
    }
    // What a client would rather have is not what it relies on.
    body["outputs"] = json!([{"name": "label", "parameters": {"binary_data": true}}]);
    body["parameters"] = json!({"binary_data_output": true, "sequence_id": 1});
    assert_eq!(
        answer(&body).expect("valid")["outputs"][0]["data"],
        json!([0])
    );
}
