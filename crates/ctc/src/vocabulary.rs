//! The meaning of the columns of a model's logits.

/// Column of the blank among the labels.
pub(super) const BLANK: usize = 0;
/// Column of the word boundary among the labels.
pub(super) const BOUNDARY: usize = 1;

/// The tokens of a model: letters, a blank, a word boundary, and special tokens that are never printed.
///
/// `<pad>` is the blank and `|` the word boundary, as in the models of the wav2vec 2.0 family. Other
/// tokens in angle brackets, and empty ones, are special.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    /// For each token its label: [`BLANK`] for special tokens too, [`BOUNDARY`], or a letter's.
    labels: Vec<usize>,
    /// For each label its token; that of the blank is any.
    tokens: Vec<usize>,
    /// What each label prints; nothing for the blank and the boundary.
    texts: Vec<String>,
}

/// The tokens of a model cannot be decoded: a fault of the model, never of a caller's audio.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VocabularyError {
    /// No token is the blank.
    #[error("the vocabulary lacks the blank token `<pad>`")]
    NoBlank,
    /// No token is the word boundary.
    #[error("the vocabulary lacks the word boundary `|`")]
    NoBoundary,
    /// A token stands twice.
    #[error("the token `{0}` stands twice in the vocabulary")]
    Repeated(String),
}

impl Vocabulary {
    /// The vocabulary whose token `i` is column `i` of the logits.
    ///
    /// # Errors
    /// [`VocabularyError`] without a blank or a boundary, or when a token repeats.
    pub fn new(tokens: &[impl AsRef<str>]) -> Result<Self, VocabularyError> {
        let mut labels = Vec::with_capacity(tokens.len());
        let mut texts = vec![String::new(), String::new()];
        let mut places = vec![0, 0];
        let (mut blank, mut boundary) = (false, false);
        for (i, token) in tokens.iter().map(AsRef::as_ref).enumerate() {
            if tokens.iter().take(i).any(|other| other.as_ref() == token) {
                return Err(VocabularyError::Repeated(token.to_owned()));
            }
            let special = token.is_empty() || token.starts_with('<') && token.ends_with('>');
            blank |= token == "<pad>";
            boundary |= token == "|";
            labels.push(match token {
                "|" => BOUNDARY,
                _ if special => BLANK,
                letter => {
                    texts.push(letter.to_owned());
                    places.push(i);
                    texts.len() - 1
                }
            });
        }
        if !blank {
            return Err(VocabularyError::NoBlank);
        }
        if !boundary {
            return Err(VocabularyError::NoBoundary);
        }
        Ok(Self {
            labels,
            tokens: places,
            texts,
        })
    }

    /// How many tokens there are: the columns of the logits.
    pub fn size(&self) -> usize {
        self.labels.len()
    }

    /// For each token its label.
    pub(super) fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// How many labels there are: blank, boundary and the letters.
    pub(super) fn label_count(&self) -> usize {
        self.texts.len()
    }

    /// The token of a letter.
    pub(super) fn token(&self, label: usize) -> usize {
        self.tokens.get(label).copied().unwrap_or_default()
    }

    /// What a label prints.
    pub(super) fn text(&self, label: usize) -> &str {
        self.texts.get(label).map_or("", String::as_str)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The tokens of wav2vec2-base-960h, in its order.
    pub(crate) fn tokens() -> Vec<String> {
        "<pad> <s> </s> <unk> | E T A O N I H S R D L U M W C F G Y P B V K ' X J Q Z"
            .split(' ')
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn letters_print_and_special_tokens_do_not() {
        let vocabulary = Vocabulary::new(&tokens()).expect("is whole");
        assert_eq!(vocabulary.size(), 32);
        assert_eq!(vocabulary.label_count(), 29);
        let printed: Vec<&str> = vocabulary
            .labels()
            .iter()
            .map(|&label| vocabulary.text(label))
            .collect();
        assert_eq!(printed[..6], ["", "", "", "", "", "E"]);
        assert_eq!(printed[31], "Z");
        assert_eq!(vocabulary.labels()[..5], [0, 0, 0, 0, BOUNDARY]);
    }

    #[test]
    fn refuses_what_cannot_be_decoded() {
        let without = |gone: &str| -> Vec<String> {
            tokens().into_iter().filter(|token| token != gone).collect()
        };
        assert_eq!(
            Vocabulary::new(&without("<pad>")).unwrap_err(),
            VocabularyError::NoBlank
        );
        assert_eq!(
            Vocabulary::new(&without("|")).unwrap_err(),
            VocabularyError::NoBoundary
        );
        assert_eq!(
            Vocabulary::new(&["<pad>", "|", "A", "A"]).unwrap_err(),
            VocabularyError::Repeated("A".to_owned())
        );
        let none: [&str; 0] = [];
        assert_eq!(
            Vocabulary::new(&none).unwrap_err(),
            VocabularyError::NoBlank
        );
    }
}
