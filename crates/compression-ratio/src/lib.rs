//! The measure by which OpenAI notices text that repeats itself.

/// The bytes of a text, divided by those that zlib makes of it; 0 if it is empty.
#[must_use]
pub fn compression_ratio(text: &str) -> f32 {
    let compressed = miniz_oxide::deflate::compress_to_vec_zlib(text.as_bytes(), 6);
    text.len() as f32 / compressed.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_shows() {
        assert!(compression_ratio("Seven times nine is sixty-three.") < 1.2);
        assert!(compression_ratio(&"seven ".repeat(50)) > 2.4);
        assert_eq!(compression_ratio(""), 0.0);
    }
}
