//! Strings with `{{ variable }}` in them.

use std::fmt;

/// A string in which `{{ name }}` stands for the value of an application variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable(String),
}

/// A template is not well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is a '{{{{' without its '}}}}'")]
pub struct TemplateError;

impl Template {
    /// Parses a template. Spaces around a variable's name do not count.
    ///
    /// # Errors
    /// A `{{` is never closed.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or(TemplateError)?;
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.into()));
            }
            parts.push(Part::Variable(name.trim().into()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.into()));
        }
        Ok(Self { parts })
    }

    /// The names of the variables in it, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// Whether it has no variables.
    pub fn is_literal(&self) -> bool {
        self.variables().next().is_none()
    }

    /// Replaces the variables by their values.
    ///
    /// # Errors
    /// The name of the first variable that `value` does not know.
    pub fn expand<'a, F>(&'a self, mut value: F) -> Result<String, &'a str>
    where
        F: FnMut(&'a str) -> Option<&'a str>,
    {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Literal(text) => Ok(text.as_str()),
                Part::Variable(name) => value(name).ok_or(name.as_str()),
            })
            .collect()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Literal(text) => f.write_str(text),
            Part::Variable(name) => write!(f, "{{{{ {name} }}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_stand_between_double_braces() {
        for (text, variables, expanded) in [
            ("", vec![], ""),
            ("a", vec![], "a"),
            ("a-{{ x }}-b", vec!["x"], "a-<x>-b"),
            ("{{x}}{{ y }}", vec!["x", "y"], "<x><y>"),
            ("}} { {{x}} }", vec!["x"], "}} { <x> }"),
        ] {
            let template = Template::parse(text).unwrap();
            assert_eq!(
                template.variables().collect::<Vec<_>>(),
                variables,
                "{text}"
            );
            let values = [("x", "<x>"), ("y", "<y>")];
            let value = |name: &str| values.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
            assert_eq!(template.expand(value), Ok(expanded.into()), "{text}");
        }
    }

    #[test]
    fn an_unclosed_brace_and_an_unknown_variable_are_errors() {
        assert_eq!(Template::parse("{{ a }} {{ b"), Err(TemplateError));
        assert_eq!(
            TemplateError.to_string(),
            "there is a '{{' without its '}}'"
        );
        let template = Template::parse("{{ a }}").unwrap();
        assert_eq!(template.expand(|_| None), Err("a"));
    }
}
