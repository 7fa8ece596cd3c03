//! The texts that a search has looked at, as a tree of labels.
use super::{
    super::vocabulary::BOUNDARY,
    fusion::{Fusion, Language},
};

/// A text: the labels from the root to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text(u32);

impl Text {
    fn index(self) -> usize {
        self.0 as usize
    }
}

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
    /// The empty text where there is none, which is nobody's child.
    first_child: Text,
    next_sibling: Text,
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
        &self.nodes[text.index()]
    }

    pub(super) fn set_slot(&mut self, text: Text, slot: Option<usize>) {
        self.nodes[text.index()].slot = slot;
    }

    /// The text with one more label, if it was ever in the beam.
    pub(super) fn child(&self, text: Text, label: usize) -> Option<Text> {
        let mut child = self.get(text).first_child;
        while child != EMPTY {
            let node = self.get(child);
            if node.label == label {
                return Some(child);
            }
            child = node.next_sibling;
        }
        None
    }

    /// Adds the text with one more label, which is not in the tree yet.
    pub(super) fn add(&mut self, parent: Text, label: usize, language: Language) -> Text {
        // The beam's width times the number of frames is far below the four thousand millions that fit.
        let child = Text(self.nodes.len() as u32);
        let next_sibling = std::mem::replace(&mut self.nodes[parent.index()].first_child, child);
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
            first_child: EMPTY,
            next_sibling: EMPTY,
        }
    }
}
