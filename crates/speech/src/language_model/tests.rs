use proptest::prelude::*;

use super::*;

const BYTES: &[u8] = include_bytes!("../../../../models/speech/language_model.bin");

fn model() -> LanguageModel<'static> {
    LanguageModel::from_bytes(BYTES).expect("is a model")
}

fn spell(model: &LanguageModel<'_>, word: &str) -> Option<Prefix> {
    word.chars()
        .try_fold(model.root(), |prefix, letter| model.extend(prefix, letter))
}

/// The logarithm of the probability of known words, one after the other.
fn score(model: &LanguageModel<'_>, text: &str) -> f32 {
    let mut context = model.start();
    let mut sum = 0.0;
    for word in text.split(' ') {
        let word = spell(model, word).filter(|&word| model.is_word(word));
        let (probability, after) = model.follow(context, word.expect("is known"));
        (sum, context) = (sum + probability, after);
    }
    sum
}

#[test]
fn knows_words_and_what_they_begin_with() {
    let model = model();
    for word in ["THE", "I", "DON'T", "TWENTY", "QUARTER", "o'clock"] {
        let word = spell(&model, word).expect("is the beginning of a word");
        assert!(model.is_word(word));
        assert!(model.best_completion(word) <= 0.0);
    }
    assert!(!model.is_word(spell(&model, "TWENT").expect("is the beginning of a word")));
    assert!(!model.is_word(model.root()));
    for word in ["XQ", "THÉ", "A1", "THE "] {
        assert_eq!(spell(&model, word), None);
    }
}

#[test]
fn likely_texts_have_higher_probabilities() {
    let model = model();
    for (likely, unlikely) in [
        ("TURN ON THE LIGHT", "TURN ON THE LITE"),
        ("HALF PAST EIGHT", "HALF PASSED ATE"),
        ("ONE OF THE CHILDREN", "WON OF THE CHILDREN"),
        ("A PIECE OF PAPER", "A PEACE OF PAPER"),
    ] {
        assert!(
            score(&model, likely) > score(&model, unlikely) + 1.0,
            "{likely}"
        );
    }
    assert!(score(&model, "THE") > model.unknown());
}

#[test]
fn probabilities_after_a_context_add_up_to_one() {
    let model = model();
    let mut words = Vec::new();
    let all = 0..model.nodes.len() as u32;
    words.extend(all.map(Prefix).filter(|&word| model.is_word(word)));
    let after = |context: Context, text: &str| {
        let word = spell(&model, text).expect("is known");
        model.follow(context, word).1
    };
    let turn = after(model.start(), "TURN");
    let contexts = [Context::default(), model.start(), turn, after(turn, "ON")];
    for context in contexts {
        let sum: f32 = words
            .iter()
            .map(|&word| model.follow(context, word).0.exp())
            .sum();
        // Each is rounded to three per cent.
        assert!((0.97..1.03).contains(&sum), "{context:?}: {sum}");
    }
    assert!(
        contexts
            .iter()
            .all(|context| context.two.is_none() || context.one.is_some())
    );
    assert!(contexts[3].two.is_some());
}

#[test]
fn no_word_is_likelier_than_the_best_completion_of_its_letters() {
    let model = model();
    let word = "QUARTERS";
    let whole = spell(&model, word).expect("is known");
    let (own, _) = model.follow(Context::default(), whole);
    for end in 0..=word.len() {
        let prefix = spell(&model, &word[..end]).expect("begins a word");
        assert!(model.best_completion(prefix) >= own);
    }
}

#[test]
fn refuses_what_is_no_model() {
    let refused = |bytes: &[u8]| LanguageModel::from_bytes(bytes).map(|_| ()).unwrap_err();
    assert_eq!(refused(b""), LanguageModelError::Magic);
    assert_eq!(refused(b"words000"), LanguageModelError::Magic);
    assert_eq!(refused(b"words001"), LanguageModelError::Length);
    assert_eq!(
        refused(&BYTES[..BYTES.len() - 1]),
        LanguageModelError::Length
    );
    assert_eq!(
        refused(&[BYTES, b"\0"].concat()),
        LanguageModelError::Length
    );
    let huge = [&MAGIC[..], &[0xFF; 64]].concat();
    assert_eq!(refused(&huge), LanguageModelError::Length);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn damage_never_panics(
        spots in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2000),
        head in prop::collection::vec((0..64_usize, any::<u8>()), 0..3),
        texts in prop::collection::vec("[A-E' ]{0,40}", 8),
    ) {
        let mut bytes = BYTES.to_vec();
        for (spot, value) in spots {
            *spot.get_mut(&mut bytes) = value;
        }
        for (spot, value) in head {
            bytes[spot] = value;
        }
        let Ok(model) = LanguageModel::from_bytes(&bytes) else {
            return Ok(());
        };
        for text in texts {
            let mut context = model.start();
            for word in text.split(' ') {
                if let Some(word) = spell(&model, word) {
                    let (probability, after) = model.follow(context, word);
                    prop_assert!(probability <= 0.0 && model.best_completion(word) <= 0.0);
                    context = after;
                }
            }
        }
    }
}
