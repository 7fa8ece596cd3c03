//! The random forest that `models/iris/train.py` exported. The build script extracts its trees from the ONNX file, so nothing
//! has to be loaded: a new instance predicts at once.

include!(concat!(env!("OUT_DIR"), "/trees.rs"));

/// Measurements of a flower.
pub const FEATURES: usize = 4;
/// Species of iris.
pub const CLASSES: usize = 3;

/// A tree of decisions.
enum Tree {
    /// Looks at one feature.
    Split {
        /// Less than [`FEATURES`]: the build script has checked it.
        feature: usize,
        threshold: f32,
        /// Where the feature is at most the threshold.
        below: &'static Self,
        /// Where it is more.
        above: &'static Self,
    },
    /// The tree's votes for each class.
    Leaf([f32; CLASSES]),
}

/// The prediction for one flower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vote {
    /// The class with most votes, from 0 to 2. A tie goes to the lowest.
    pub class: u8,
    /// Share of the trees that vote for each class: multiples of 1/16 that add up to 1.
    pub shares: [f32; CLASSES],
}

/// What the trees cost for one flower, in picoseconds; see [`pacer`].
const FLOWER: usize = 240_000;

/// The prediction for each flower, in the same order. A flower is the length and width of its sepals, then of its petals, in
/// centimetres. Awaits `pause` after each [`pacer::QUANTUM`] of work.
pub async fn predict(flowers: &[[f64; FEATURES]], mut pause: impl AsyncFnMut()) -> Vec<Vote> {
    let mut votes = Vec::with_capacity(flowers.len());
    for portion in flowers.chunks(pacer::portion(FLOWER)) {
        votes.extend(portion.iter().map(vote));
        pause().await;
    }
    votes
}

fn vote(flower: &[f64; FEATURES]) -> Vote {
    // scikit-learn too rounds its input to float32 first.
    let flower = flower.map(|centimetres| centimetres as f32);
    let mut shares = [0.0; CLASSES];
    for tree in TREES {
        for (share, more) in shares.iter_mut().zip(tree.leaf(&flower)) {
            *share += more;
        }
    }
    let mut class = 0;
    for (other, &share) in (0..).zip(&shares) {
        if share > shares[usize::from(class)] {
            class = other;
        }
    }
    Vote { class, shares }
}

impl Tree {
    fn leaf(&self, flower: &[f32; FEATURES]) -> &[f32; CLASSES] {
        let mut tree = self;
        loop {
            match tree {
                Self::Leaf(shares) => return shares,
                &Self::Split {
                    feature,
                    threshold,
                    below,
                    above,
                } => {
                    tree = if flower[feature] <= threshold {
                        below
                    } else {
                        above
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollster::block_on;

    fn predict(flowers: &[[f64; FEATURES]]) -> Vec<Vote> {
        block_on(super::predict(flowers, async || {}))
    }

    /// Compares with scikit-learn's predictions, which `train.py` exported with the model.
    fn assert_equals_scikit_learn(reference: &str, rows: usize) {
        let (mut flowers, mut expected) = (Vec::new(), Vec::new());
        for line in reference.lines().skip(1) {
            let numbers: Vec<f64> = line
                .split(',')
                .map(|field| field.parse().expect("a number"))
                .collect();
            let (flower, vote) = numbers.split_at(FEATURES);
            flowers.push(flower.try_into().expect("four measurements"));
            expected.push(vote.to_vec());
        }
        assert_eq!(flowers.len(), rows);
        let votes = predict(&flowers);
        assert_eq!(votes.len(), rows);
        for ((Vote { class, shares }, expected), flower) in votes.iter().zip(expected).zip(flowers)
        {
            let [setosa, versicolor, virginica] = *shares;
            assert_eq!(
                [
                    f64::from(*class),
                    setosa.into(),
                    versicolor.into(),
                    virginica.into()
                ],
                *expected,
                "{flower:?}"
            );
        }
    }

    #[test]
    fn equals_scikit_learn_on_the_data_set() {
        assert_equals_scikit_learn(include_str!("../../../models/iris/reference.csv"), 150);
    }

    #[test]
    fn equals_scikit_learn_on_mixed_votes_and_ties() {
        assert_equals_scikit_learn(include_str!("../../../models/iris/reference-grid.csv"), 625);
    }

    #[test]
    fn predicts_nothing_of_nothing() {
        assert_eq!(predict(&[]), []);
    }
}
