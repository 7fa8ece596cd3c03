//! The Iris random forest.
