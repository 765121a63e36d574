//! Login configurations of Java programs (`java.security.auth.login.config`).
//!
//! ```text
//! Client {
//!     org.apache.zookeeper.server.auth.DigestLoginModule required username="bob" password="…";
//! };
//! ```

use std::{collections::BTreeMap, iter::Peekable, str::Chars};

/// The first login module of a context.
#[derive(PartialEq, Eq)]
pub(super) struct Login {
    /// The class.
    pub(super) module: String,
    /// Its options.
    pub(super) options: BTreeMap<String, String>,
}

/// The largest file, in bytes.
pub(super) const MOST_BYTES: usize = 1 << 20;

/// The context of this name, if the file has it; an error if the file is invalid.
pub(super) fn context(text: &str, name: &str) -> Result<Option<Login>, &'static str> {
    if text.len() > MOST_BYTES {
        return Err("the file is larger than 1 MB");
    }
    let tokens = tokens(text)?;
    let mut tokens = tokens.iter().map(String::as_str).peekable();
    while let Some(found) = tokens.next() {
        if tokens.next() != Some("{") {
            return Err("a context is not of the form NAME { … };");
        }
        let mut login = None;
        while tokens.peek().is_some_and(|word| *word != "}") {
            let module = module(&mut tokens)?;
            login.get_or_insert(module);
        }
        if (tokens.next(), tokens.next()) != (Some("}"), Some(";")) {
            return Err("a context does not end with };");
        }
        if found == name {
            return Ok(login);
        }
    }
    Ok(None)
}

fn module<'a>(tokens: &mut Peekable<impl Iterator<Item = &'a str>>) -> Result<Login, &'static str> {
    const FORM: &str = "a module is not of the form CLASS FLAG NAME=VALUE …;";
    let module = tokens.next().ok_or(FORM)?.to_owned();
    // The flag combines several modules; only the first is used.
    let _flag = tokens.next().ok_or(FORM)?;
    let mut options = BTreeMap::new();
    loop {
        match tokens.next().ok_or(FORM)? {
            ";" => return Ok(Login { module, options }),
            name => {
                if tokens.next() != Some("=") {
                    return Err(FORM);
                }
                options.insert(name.to_owned(), tokens.next().ok_or(FORM)?.to_owned());
            }
        }
    }
}

/// The tokens of the file, without quotes and comments. `{`, `}`, `;` and `=` are tokens of their
/// own.
fn tokens(text: &str) -> Result<Vec<String>, &'static str> {
    let mut tokens = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            c if c.is_whitespace() => {}
            '{' | '}' | ';' | '=' => tokens.push(c.to_string()),
            '"' => tokens.push(quoted(&mut characters)?),
            '#' => skip_line(&mut characters),
            '/' if characters.next_if_eq(&'/').is_some() => skip_line(&mut characters),
            '/' if characters.next_if_eq(&'*').is_some() => skip_comment(&mut characters)?,
            c => {
                let mut word = c.to_string();
                let part =
                    |c: &char| !c.is_whitespace() && !matches!(c, '{' | '}' | ';' | '=' | '"');
                while let Some(c) = characters.next_if(part) {
                    word.push(c);
                }
                tokens.push(word);
            }
        }
    }
    Ok(tokens)
}

fn quoted(characters: &mut Peekable<Chars<'_>>) -> Result<String, &'static str> {
    let mut word = String::new();
    while let Some(c) = characters.next() {
        match c {
            '"' => return Ok(word),
            '\\' => word.extend(characters.next()),
            c => word.push(c),
        }
    }
    Err("a quote is not closed")
}

fn skip_line(characters: &mut Peekable<Chars<'_>>) {
    while characters.next_if(|c| *c != '\n').is_some() {}
}

fn skip_comment(characters: &mut Peekable<Chars<'_>>) -> Result<(), &'static str> {
    while let Some(c) = characters.next() {
        if c == '*' && characters.next_if_eq(&'/').is_some() {
            return Ok(());
        }
    }
    Err("a comment is not closed")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    #[test]
    fn a_file_that_is_too_large_is_refused_before_it_is_parsed() {
        assert_eq!(
            context(&"{".repeat(MOST_BYTES + 1), "Client").err(),
            Some("the file is larger than 1 MB")
        );
        assert!(context(&"# c\n".repeat(MOST_BYTES / 4), "Client").is_ok());
    }

    use super::*;

    #[test]
    fn a_context_is_found_among_others_and_comments() {
        let text = "/* ours */ Server { a.Other required; };\n# not this\n// nor this\nClient {\n  \
                    x.DigestLoginModule required username=\"b\\\"ob\"\n  password=\"s;{}=\" debug=true;\n  y.Second optional;\n};";
        let login = context(text, "Client").unwrap().unwrap();
        assert_eq!(login.module, "x.DigestLoginModule");
        let options: Vec<_> =
            login.options.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        assert_eq!(options, ["debug:true", "password:s;{}=", "username:b\"ob"]);
        assert!(context(text, "KafkaClient").unwrap().is_none());
    }

    #[test]
    fn an_invalid_file_is_refused() {
        for text in [
            "Client",
            "Client {",
            "Client { a.B required x }; ",
            "Client { a.B required x=\"y",
            "/* ",
        ] {
            assert!(context(text, "Client").is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a{}; =\"\\\\/*#\n]{0,20}") {
            context(&text, "a").ok();
        }
    }
}
