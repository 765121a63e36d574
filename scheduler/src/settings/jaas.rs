//! Files by which Java programs are told how to log in (`java.security.auth.login.config`).
//!
//! ```text
//! Client {
//!     org.apache.zookeeper.server.auth.DigestLoginModule required username="bob" password="…";
//! };
//! ```

use std::{collections::BTreeMap, iter::Peekable, str::Chars};

/// The first way to log in of one context.
#[derive(PartialEq, Eq)]
pub(super) struct Login {
    /// The class.
    pub(super) module: String,
    /// Its options.
    pub(super) options: BTreeMap<String, String>,
}

/// Larger than any such file, in bytes.
pub(super) const MOST_BYTES: usize = 1 << 20;

/// The context of this name, if the file has it; what is wrong with the file otherwise.
pub(super) fn context(text: &str, name: &str) -> Result<Option<Login>, &'static str> {
    if text.len() > MOST_BYTES {
        return Err("the file is larger than 1 MB");
    }
    let words = words(text)?;
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(found) = words.next() {
        if words.next() != Some("{") {
            return Err("a context is not of the form NAME { … };");
        }
        let mut login = None;
        while words.peek().is_some_and(|word| *word != "}") {
            let module = module(&mut words)?;
            login.get_or_insert(module);
        }
        if (words.next(), words.next()) != (Some("}"), Some(";")) {
            return Err("a context does not end with };");
        }
        if found == name {
            return Ok(login);
        }
    }
    Ok(None)
}

fn module<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>) -> Result<Login, &'static str> {
    const FORM: &str = "a module is not of the form CLASS FLAG NAME=VALUE …;";
    let module = words.next().ok_or(FORM)?.to_owned();
    // How it counts beside others; we take the first.
    let _flag = words.next().ok_or(FORM)?;
    let mut options = BTreeMap::new();
    loop {
        match words.next().ok_or(FORM)? {
            ";" => return Ok(Login { module, options }),
            name => {
                if words.next() != Some("=") {
                    return Err(FORM);
                }
                options.insert(name.to_owned(), words.next().ok_or(FORM)?.to_owned());
            }
        }
    }
}

/// The file's words; quotes and comments are gone, and `{`, `}`, `;`, `=` are words of their own.
fn words(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            c if c.is_whitespace() => {}
            '{' | '}' | ';' | '=' => words.push(c.to_string()),
            '"' => words.push(quoted(&mut characters)?),
            '#' => skip_line(&mut characters),
            '/' if characters.next_if_eq(&'/').is_some() => skip_line(&mut characters),
            '/' if characters.next_if_eq(&'*').is_some() => skip_comment(&mut characters)?,
            c => {
                let mut word = c.to_string();
                let part = |c: &char| !c.is_whitespace() && !matches!(c, '{' | '}' | ';' | '=' | '"');
                while let Some(c) = characters.next_if(part) {
                    word.push(c);
                }
                words.push(word);
            }
        }
    }
    Ok(words)
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
    fn a_file_that_is_larger_than_any_is_refused_before_it_is_read_into_words() {
        assert_eq!(context(&"{".repeat(MOST_BYTES + 1), "Client").err(), Some("the file is larger than 1 MB"));
        assert!(context(&"# c\n".repeat(MOST_BYTES / 4), "Client").is_ok());
    }

    use super::*;

    #[test]
    fn a_context_is_found_among_others_and_comments() {
        let text = "/* ours */ Server { a.Other required; };\n# not this\n// nor this\nClient {\n  \
                    x.DigestLoginModule required username=\"b\\\"ob\"\n  password=\"s;{}=\" debug=true;\n  y.Second optional;\n};";
        let login = context(text, "Client").unwrap().unwrap();
        assert_eq!(login.module, "x.DigestLoginModule");
        let options: Vec<_> = login.options.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        assert_eq!(options, ["debug:true", "password:s;{}=", "username:b\"ob"]);
        assert!(context(text, "KafkaClient").unwrap().is_none());
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        for text in ["Client", "Client {", "Client { a.B required x }; ", "Client { a.B required x=\"y", "/* "] {
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
