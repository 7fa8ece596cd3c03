//! A model whose answers are known, so that tests see what its HTTP side makes of them.

interfaces::export!("../../../wit/model", Estimator);

use bindings::Guest;
use bindings::exports::routelets::model::model::{Elements, Guest as ModelGuest, Tensor};

/// Each row brings three numbers and a text.
const CONTRACT: &str = r#"{
    "route": "estimator",
    "arguments": {
        "type": "object",
        "properties": {
            "x": {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3},
            "text": {"type": "string"}
        },
        "required": ["x", "text"],
        "additionalProperties": false
    },
    "model": {
        "inputs": [
            {"name": "x", "datatype": "FP32", "shape": [-1, 3]},
            {"name": "text", "datatype": "BYTES", "shape": [-1, 1]}
        ],
        "outputs": [
            {"name": "sum", "datatype": "FP32", "shape": [-1]},
            {"name": "length", "datatype": "INT64", "shape": [-1, 1]},
            {"name": "shares", "datatype": "FP32", "shape": [-1, 2], "classes": ["low", 1]},
            {"name": "pairs", "datatype": "FP64", "shape": [-1, 1, 2]},
            {"name": "text", "datatype": "BYTES", "shape": [-1]}
        ]
    }
}"#;

struct Estimator;

impl Guest for Estimator {
    fn init(_: Vec<u8>) -> Result<String, String> {
        Ok("estimator".to_owned())
    }
}

impl ModelGuest for Estimator {
    fn describe() -> String {
        CONTRACT.to_owned()
    }

    async fn infer(inputs: Vec<Tensor>) -> Result<Vec<Tensor>, String> {
        let [x, text] = <[Tensor; 2]>::try_from(inputs).map_err(|_| "two inputs")?;
        let (Elements::Floats(x), Elements::Texts(texts)) = (x.elements, text.elements) else {
            return Err("other types".to_owned());
        };
        if texts.iter().any(|text| text == "fail") {
            return Err("a secret".to_owned());
        }
        let rows = texts.len() as u32;
        let tensor = |shape: &[u32], elements| Tensor {
            shape: [&[rows], shape].concat(),
            elements,
        };
        let sums: Vec<f32> = x.chunks(3).map(|row| row.iter().sum()).collect();
        let lengths = texts.iter().map(|text| text.len() as i64).collect();
        let shares = sums.iter().flat_map(|sum| [*sum, f32::NAN]).collect();
        let pairs = sums.iter().flat_map(|sum| [f64::from(*sum), 0.5]).collect();
        Ok(vec![
            tensor(&[], Elements::Floats(sums)),
            tensor(&[1], Elements::Integers(lengths)),
            tensor(&[2], Elements::Floats(shares)),
            tensor(&[1, 2], Elements::Doubles(pairs)),
            tensor(&[], Elements::Texts(texts)),
        ])
    }
}
