//! A function that does what it is told, so that tests see what its caller makes of it.

interfaces::export!("../../../wit/function", Calculator);

use bindings::exports::routelets::function::function::{Failure, Guest, Outcome};

const CONTRACT: &str = r#"{
    "route": "calculator",
    "arguments": {
        "type": "object",
        "properties": {
            "do": {"type": "string", "enum": ["add", "refuse", "fail", "world", "loop"]},
            "numbers": {"type": "array", "items": {"type": "number", "minimum": 0}}
        },
        "required": ["do"],
        "additionalProperties": false
    }
}"#;

struct Calculator;

impl Guest for Calculator {
    fn describe() -> String {
        CONTRACT.to_owned()
    }

    fn call(arguments: String, seed: u64, now: u64) -> Outcome {
        let value = if arguments.contains("refuse") {
            Err(Failure::Refused("it will not".to_owned()))
        } else if arguments.contains("fail") {
            Err(Failure::Failed("a secret\nof two lines".to_owned()))
        } else if arguments.contains("loop") {
            loop {
                std::hint::spin_loop();
            }
        } else if arguments.contains("world") {
            Ok(format!("[{seed},{now}]"))
        } else {
            Ok(arguments)
        };
        Outcome {
            printed: "printed\n".to_owned(),
            value,
        }
    }
}
