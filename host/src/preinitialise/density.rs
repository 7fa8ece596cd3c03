//! How much of a component's initial memory is in use.

use anyhow::{Context, Result};
use wasmparser::{DataKind, Operator, Parser, Payload};

/// Wasmtime maps contents of a smaller range into new instances, however dense they are: the default of
/// `Config::memory_guaranteed_dense_image_size`.
const SMALL: u64 = 16 << 20;

/// The initial contents of a memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Image {
    /// Bytes of data.
    pub(crate) data: u64,
    /// Bytes from the first to the last of them.
    pub(crate) range: u64,
}

impl Image {
    /// The share of the range that is data.
    pub(crate) fn density(self) -> f64 {
        if self.range == 0 {
            1.0
        } else {
            self.data as f64 / self.range as f64
        }
    }

    /// How many bytes Wasmtime copies into each new instance: all data where half or less of a large range is data. Everything
    /// else is mapped, which takes no time.
    pub(crate) fn copied(self) -> u64 {
        if self.range < SMALL || self.range < 2 * self.data {
            0
        } else {
            self.data
        }
    }
}

/// The largest image of the modules in a component.
///
/// # Errors
/// When the bytes are not a component.
pub(crate) fn image(component: &[u8]) -> Result<Image> {
    let mut largest = Image::default();
    for payload in Parser::new(0).parse_all(component) {
        let Payload::DataSection(segments) = payload.context("the snapshot is damaged")? else {
            continue;
        };
        let (mut data, mut first, mut last) = (0, u64::MAX, 0);
        for segment in segments {
            let segment = segment?;
            let DataKind::Active { offset_expr, .. } = segment.kind else {
                continue;
            };
            if let Operator::I32Const { value } = offset_expr.get_operators_reader().read()? {
                let start = u64::from(value.cast_unsigned());
                let length = segment.data.len() as u64;
                data += length;
                first = first.min(start);
                last = last.max(start + length);
            }
        }
        let range = last.saturating_sub(first);
        if range > largest.range {
            largest = Image { data, range };
        }
    }
    Ok(largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image_of(module: &str) -> Image {
        image(&wat::parse_str(format!("(component (core module {module}))")).unwrap()).unwrap()
    }

    #[test]
    fn what_lies_apart_is_less_dense() {
        let dense =
            image_of(r#"(memory 1) (data (i32.const 8) "abcd") (data (i32.const 12) "ef")"#);
        assert_eq!(dense, Image { data: 6, range: 6 });
        let sparse =
            image_of(r#"(memory 1) (data (i32.const 8) "ab") (data (i32.const 106) "cd")"#);
        assert_eq!(
            sparse,
            Image {
                data: 4,
                range: 100
            }
        );
        assert!(dense.density() > 0.99 && sparse.density() < 0.05);
    }

    #[test]
    fn what_is_large_and_sparse_is_copied() {
        let data = 4 << 20;
        for (range, copied) in [(data, 0), (SMALL - 1, 0), (SMALL, data)] {
            assert_eq!(Image { data, range }.copied(), copied, "{range}");
        }
        for (data, copied) in [(SMALL / 2, SMALL / 2), (SMALL / 2 + 1, 0)] {
            assert_eq!(Image { data, range: SMALL }.copied(), copied, "{data}");
        }
    }

    #[test]
    fn an_empty_memory_costs_nothing() {
        assert_eq!(image_of("(memory 1)").density(), 1.0);
    }
}
