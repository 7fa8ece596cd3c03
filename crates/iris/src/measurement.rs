use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Largest accepted measurement, in centimetres: over ten times the largest in the training data, so that only wrong units
/// and typing errors are refused.
pub const MAX_CENTIMETRES: f64 = 100.0;

/// One of the four measurements of a flower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Length of the sepals.
    SepalLength,
    /// Width of the sepals.
    SepalWidth,
    /// Length of the petals.
    PetalLength,
    /// Width of the petals.
    PetalWidth,
}

impl Feature {
    /// All features in the order in which the model takes them.
    pub const ALL: [Self; 4] = [
        Self::SepalLength,
        Self::SepalWidth,
        Self::PetalLength,
        Self::PetalWidth,
    ];

    /// The field's name in requests, such as `sepal_length`.
    pub fn name(self) -> &'static str {
        match self {
            Self::SepalLength => "sepal_length",
            Self::SepalWidth => "sepal_width",
            Self::PetalLength => "petal_length",
            Self::PetalWidth => "petal_width",
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An impossible measurement: zero or less, above [`MAX_CENTIMETRES`], infinite or not a number.
// `{:?}` prints 1e300 as that, not as 301 digits.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{feature} must be above 0 and at most {MAX_CENTIMETRES} cm, not {value:?}")]
pub struct InvalidMeasurement {
    /// The measurement.
    pub feature: Feature,
    /// Its value.
    pub value: f64,
}

/// The measurements of one flower, in centimetres, each above 0 and at most 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(try_from = "Unchecked")]
#[into_params(parameter_in = Query)]
pub struct Measurement {
    /// Length of the sepals in centimetres.
    #[schema(exclusive_minimum = 0, maximum = 100, example = 5.1)]
    #[param(exclusive_minimum = 0, maximum = 100, example = 5.1)]
    sepal_length: f64,
    /// Width of the sepals in centimetres.
    #[schema(exclusive_minimum = 0, maximum = 100, example = 3.5)]
    #[param(exclusive_minimum = 0, maximum = 100, example = 3.5)]
    sepal_width: f64,
    /// Length of the petals in centimetres.
    #[schema(exclusive_minimum = 0, maximum = 100, example = 1.4)]
    #[param(exclusive_minimum = 0, maximum = 100, example = 1.4)]
    petal_length: f64,
    /// Width of the petals in centimetres.
    #[schema(exclusive_minimum = 0, maximum = 100, example = 0.2)]
    #[param(exclusive_minimum = 0, maximum = 100, example = 0.2)]
    petal_width: f64,
}

#[derive(Deserialize)]
#[serde(rename = "Measurement")]
struct Unchecked {
    sepal_length: f64,
    sepal_width: f64,
    petal_length: f64,
    petal_width: f64,
}

impl TryFrom<Unchecked> for Measurement {
    type Error = InvalidMeasurement;

    fn try_from(fields: Unchecked) -> Result<Self, InvalidMeasurement> {
        Self::new([
            fields.sepal_length,
            fields.sepal_width,
            fields.petal_length,
            fields.petal_width,
        ])
    }
}

impl Measurement {
    /// Checks centimetres in the order of [`Feature::ALL`].
    ///
    /// # Errors
    /// The first value that is not above 0 and at most [`MAX_CENTIMETRES`].
    pub fn new(centimetres: [f64; 4]) -> Result<Self, InvalidMeasurement> {
        for (feature, value) in Feature::ALL.into_iter().zip(centimetres) {
            // NaN compares false, so it is refused too.
            if !(value > 0.0 && value <= MAX_CENTIMETRES) {
                return Err(InvalidMeasurement { feature, value });
            }
        }
        let [sepal_length, sepal_width, petal_length, petal_width] = centimetres;
        Ok(Self {
            sepal_length,
            sepal_width,
            petal_length,
            petal_width,
        })
    }

    /// Centimetres in the order of [`Feature::ALL`].
    pub fn centimetres(&self) -> [f64; 4] {
        [
            self.sepal_length,
            self.sepal_width,
            self.petal_length,
            self.petal_width,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_field_that_is_wrong() {
        for (position, feature) in Feature::ALL.into_iter().enumerate() {
            for wrong in [
                0.0,
                -0.0,
                -1.0,
                100.1,
                f64::INFINITY,
                f64::NEG_INFINITY,
                f64::NAN,
            ] {
                let mut centimetres = [5.1, 3.5, 1.4, 0.2];
                centimetres[position] = wrong;
                let error = Measurement::new(centimetres).expect_err("out of range");
                assert_eq!(error.feature, feature);
                assert!(error.to_string().starts_with(feature.name()), "{error}");
            }
        }
        assert!(Measurement::new([f64::MIN_POSITIVE, MAX_CENTIMETRES, 1.0, 1.0]).is_ok());
    }

    #[test]
    fn is_checked_when_deserialized() {
        let json = |text: &str| {
            serde_json::from_str::<Measurement>(text).map_err(|error| error.to_string())
        };
        assert_eq!(
            json(r#"{"petal_width":0.2,"sepal_length":5.1,"sepal_width":3.5,"petal_length":1}"#),
            Ok(Measurement {
                sepal_length: 5.1,
                sepal_width: 3.5,
                petal_length: 1.0,
                petal_width: 0.2
            })
        );
        let error = json(
            r#"{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1e300,"petal_width":0.2}"#,
        );
        let message = error.expect_err("out of range");
        assert!(
            message.starts_with("petal_length must be above 0 and at most 100 cm, not 1e300"),
            "{message}"
        );
        let error = json(r#"{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1}"#);
        assert!(
            error
                .expect_err("incomplete")
                .starts_with("missing field `petal_width`")
        );
    }
}
