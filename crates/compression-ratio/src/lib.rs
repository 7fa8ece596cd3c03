//! OpenAI's measure for text that repeats itself.

/// The size of a text divided by its size when compressed by zlib; 0 for an empty text.
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
