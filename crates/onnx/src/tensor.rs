//! Tensors as they come and go: without the types of tract.

use model_contract::Port;
use tract_onnx::prelude::{DatumType, Tensor as Inner, TractResult};
use tract_onnx::tract_core::internal::ensure;

/// A tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its elements, the last axis varying fastest.
    pub elements: Elements,
}

/// The elements of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Elements {
    /// `FP16` and `FP32`.
    Floats(Vec<f32>),
    /// `FP64`.
    Doubles(Vec<f64>),
    /// Of every integer type.
    Integers(Vec<i64>),
    /// `BOOL`.
    Booleans(Vec<bool>),
    /// `BYTES`.
    Texts(Vec<String>),
}

impl Tensor {
    /// The tensor for an input of the graph.
    pub(crate) fn to_input(&self, kind: DatumType, vocabulary: &[String]) -> TractResult<Inner> {
        let volume: usize = self.shape.iter().product();
        ensure!(
            volume == self.elements.len(),
            "{} elements for the shape {:?}",
            self.elements.len(),
            self.shape
        );
        let tensor = match &self.elements {
            Elements::Floats(values) => Inner::from_shape(&self.shape, values)?,
            Elements::Doubles(values) => Inner::from_shape(&self.shape, values)?,
            Elements::Integers(values) => Inner::from_shape(&self.shape, values)?,
            Elements::Booleans(values) => Inner::from_shape(&self.shape, values)?,
            Elements::Texts(values) => {
                // The number after the last stands for every other text.
                let code = |text| vocabulary.iter().position(|known| known == text);
                let codes = values
                    .iter()
                    .map(|text| code(text).unwrap_or(vocabulary.len()));
                let codes: Vec<_> = codes.map(|code| code as i64).collect();
                Inner::from_shape(&self.shape, &codes)?
            }
        };
        Ok(tensor.cast_to_dt(kind)?.into_owned())
    }

    /// What an output of the graph is for the outside.
    pub(crate) fn of_output(
        tensor: &Inner,
        port: &Port,
        vocabulary: &[String],
    ) -> TractResult<Self> {
        use model_contract::Datatype::{Bool, Bytes, Fp16, Fp32, Fp64};
        let elements = match port.datatype {
            Fp16 | Fp32 => Elements::Floats(values(tensor)?),
            Fp64 => Elements::Doubles(values(tensor)?),
            Bool => Elements::Booleans(values(tensor)?),
            Bytes => {
                let text = |code: i64| {
                    let known = usize::try_from(code)
                        .ok()
                        .and_then(|code| vocabulary.get(code));
                    known.cloned().unwrap_or_default()
                };
                Elements::Texts(values(tensor)?.into_iter().map(text).collect())
            }
            // Lengths are of a type of their own in tract.
            _ => Elements::Integers(values(tensor)?),
        };
        Ok(Self {
            shape: tensor.shape().to_vec(),
            elements,
        })
    }
}

fn values<T: tract_onnx::prelude::Datum + Copy>(tensor: &Inner) -> TractResult<Vec<T>> {
    let cast = tensor.cast_to::<T>()?;
    Ok(cast.to_plain_array_view::<T>()?.iter().copied().collect())
}

impl Elements {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Doubles(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::Booleans(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
