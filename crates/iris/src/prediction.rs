use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A species of iris.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Species {
    /// *Iris setosa*, class 0.
    Setosa,
    /// *Iris versicolor*, class 1.
    Versicolor,
    /// *Iris virginica*, class 2.
    Virginica,
}

impl Species {
    fn of_class(class: u8) -> Option<Self> {
        match class {
            0 => Some(Self::Setosa),
            1 => Some(Self::Versicolor),
            2 => Some(Self::Virginica),
            _ => None,
        }
    }
}

/// The prediction for one flower.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Prediction {
    /// Number of the species with most votes: 0 setosa, 1 versicolor, 2 virginica. A tie goes to the lowest.
    #[schema(maximum = 2, example = 0)]
    pub class: u8,
    /// Name of that species.
    pub name: Species,
    /// Share of the trees that vote for each species.
    pub probabilities: Probabilities,
}

/// Share of the trees that vote for each species: multiples of 1/16 that add up to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Probabilities {
    /// *Iris setosa*.
    #[schema(minimum = 0, maximum = 1, example = 1.0)]
    pub setosa: f32,
    /// *Iris versicolor*.
    #[schema(minimum = 0, maximum = 1, example = 0.0)]
    pub versicolor: f32,
    /// *Iris virginica*.
    #[schema(minimum = 0, maximum = 1, example = 0.0)]
    pub virginica: f32,
}

impl Prediction {
    /// The prediction of a class and the shares of each; nothing unless the class is one of the three.
    #[must_use]
    pub fn new(class: u8, [setosa, versicolor, virginica]: [f32; 3]) -> Option<Self> {
        Some(Self {
            class,
            name: Species::of_class(class)?,
            probabilities: Probabilities {
                setosa,
                versicolor,
                virginica,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_json_with_names() {
        let prediction = Prediction::new(1, [0.0, 0.9375, 0.0625]).expect("a class");
        assert_eq!(
            serde_json::to_string(&prediction).expect("serializes"),
            r#"{"class":1,"name":"versicolor","probabilities":{"setosa":0.0,"versicolor":0.9375,"virginica":0.0625}}"#
        );
        assert_eq!(Prediction::new(3, [0.0; 3]), None);
    }
}
