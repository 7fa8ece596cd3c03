//! The texts that a search has looked at, as a tree of labels.
use super::{
    super::vocabulary::BOUNDARY,
    fusion::{Fusion, Language},
};

/// A text: the labels from the root to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text(usize);

/// The empty text.
pub(super) const EMPTY: Text = Text(0);

/// All texts that ever were in the beam: at most its width for each frame.
pub(super) struct Tree {
    nodes: Vec<Node>,
}

/// The last label of a text, and what is known of the text.
#[derive(Clone, Copy)]
pub(super) struct Node {
    /// The last label; the empty text counts as one that ends in a boundary.
    pub(super) label: usize,
    pub(super) parent: Text,
    pub(super) language: Language,
    /// Where in the beam the text stands while a frame is looked at.
    pub(super) slot: Option<usize>,
    first_child: Option<Text>,
    next_sibling: Option<Text>,
}

impl Tree {
    pub(super) fn new(fusion: Option<Fusion<'_>>) -> Self {
        let language = fusion.map(|fusion| fusion.start()).unwrap_or_default();
        Self {
            nodes: vec![Node::new(BOUNDARY, EMPTY, language)],
        }
    }

    pub(super) fn get(&self, text: Text) -> &Node {
        // Only this module makes texts, from the nodes that it adds and never removes.
        &self.nodes[text.0]
    }

    pub(super) fn set_slot(&mut self, text: Text, slot: Option<usize>) {
        self.nodes[text.0].slot = slot;
    }

    /// The text with one more label, if it was ever in the beam.
    pub(super) fn child(&self, text: Text, label: usize) -> Option<Text> {
        let mut child = self.get(text).first_child;
        while let Some(text) = child {
            let node = self.get(text);
            if node.label == label {
                break;
            }
            child = node.next_sibling;
        }
        child
    }

    /// Adds the text with one more label, which is not in the tree yet.
    pub(super) fn add(&mut self, parent: Text, label: usize, language: Language) -> Text {
        let child = Text(self.nodes.len());
        let next_sibling = self.nodes[parent.0].first_child.replace(child);
        self.nodes.push(Node {
            next_sibling,
            ..Node::new(label, parent, language)
        });
        child
    }

    /// The labels of a text.
    pub(super) fn labels(&self, mut text: Text) -> Vec<usize> {
        let mut labels = Vec::new();
        while text != EMPTY {
            let node = self.get(text);
            labels.push(node.label);
            text = node.parent;
        }
        labels.reverse();
        labels
    }
}

impl Node {
    fn new(label: usize, parent: Text, language: Language) -> Self {
        Self {
            label,
            parent,
            language,
            slot: None,
            first_child: None,
            next_sibling: None,
        }
    }
}
