//! Whether a file's content holds a secret, by the names and values in it: such a file travels as a
//! secret.

use std::borrow::Cow;
use std::collections::BTreeSet;

use flink::config::Configuration;

/// Does an XML file hold a secret? The name of one is an element (`<password>`), an attribute
/// (`<property name="password">`) or what an element `<name>` holds, as in Hadoop's files. A value
/// may hold one whatever its name.
pub(super) fn xml_holds_secret(content: &[u8]) -> bool {
    let Some(text) = text(content) else { return true };
    // `&quot;` and the like are no letters.
    if !Configuration::may_hold_secret(&text) {
        return false;
    }
    let (mut element, mut property) = ("", Property::default());
    let is_found = text.split('<').enumerate().any(|(number, piece)| {
        let (tag, rest) = if number == 0 { ("", piece) } else { split_tag(piece) };
        if !tag.starts_with('!') {
            element = tag.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
        }
        // Descriptions are prose, and a pattern may hide passwords: it has their names.
        property.sees(element, rest.trim())
            || tag_holds_secret(element, tag)
            || !matches!(element, "description" | "pattern") && value_holds_secret(rest)
    });
    is_found || property.holds_secret()
}

/// A `<name>` and the `<value>` beside it, in any order.
#[derive(Default)]
struct Property<'a> {
    name: Option<&'a str>,
    value: Option<&'a str>,
}

impl<'a> Property<'a> {
    /// Takes the text of an element. Did the property that ends with it hold a secret?
    fn sees(&mut self, element: &str, text: &'a str) -> bool {
        let (is_name, is_value) =
            (element == "name" && !text.is_empty(), element == "value" && !text.is_empty());
        let is_next = element == "property" || is_name && self.name.is_some();
        let held = is_next && std::mem::take(self).holds_secret();
        if is_name {
            self.name = Some(text);
        } else if is_value {
            self.value = Some(text);
        }
        held
    }

    /// Without a value beside it, the secret may be anywhere.
    fn holds_secret(&self) -> bool {
        self.name.is_some_and(|name| {
            self.value.map_or_else(
                || Configuration::names_secret(name),
                |value| Configuration::is_secret_value(name, value),
            )
        })
    }
}

/// The tag and what follows it. The text of a CDATA section follows it too.
fn split_tag(piece: &str) -> (&str, &str) {
    match piece.strip_prefix("![CDATA[") {
        Some(text) => ("!", text.split("]]>").next().unwrap_or_default()),
        None => piece.split_once('>').unwrap_or((piece, "")),
    }
}

fn tag_holds_secret(element: &str, tag: &str) -> bool {
    // The name of a logger is that of a class.
    let is_logger = element.to_ascii_lowercase().ends_with("logger");
    let attribute = tag.split(['"', '\'']).collect::<Vec<_>>();
    let mut pairs = attribute.chunks_exact(2).map(|pair| (pair[0].trim(), pair[1]));
    let is_named = |(name, value): (&str, &str)| {
        let name =
            name.trim_end_matches('=').rsplit(char::is_whitespace).next().unwrap_or_default();
        Configuration::is_secret_value(name, value)
            || !is_logger && name == "name" && Configuration::names_secret(value)
    };
    Configuration::names_secret(element)
        || pairs.any(is_named)
        || attribute.iter().any(|text| value_holds_secret(text))
}

fn value_holds_secret(text: &str) -> bool {
    if text.trim().is_empty() {
        return false;
    }
    if !text.contains('&') {
        return Configuration::holds_secret("", text);
    }
    let text = text.replace("&quot;", "\"").replace("&apos;", "'").replace("&amp;", "&");
    Configuration::holds_secret("", &text)
}

/// Does a file of Java properties, such as log4j's, hold a secret? Its name is a key
/// (`appender.http.password`) or the value of one (`appender.kafka.a.name = sasl.jaas.config`)
/// whose neighbour has the secret (`appender.kafka.a.value`).
pub(super) fn properties_hold_secret(content: &[u8]) -> bool {
    let Some(text) = text(content) else { return true };
    let joined = without_escapes(text, &["\\\r\n", "\\\n"].map(|line_end| (line_end, "")));
    if !Configuration::may_hold_secret(&joined) {
        return false;
    }
    let is_comment = |line: &&str| line.trim_start().starts_with(['#', '!']);
    let properties: Vec<_> =
        joined.lines().filter(|line| !is_comment(line)).map(property).collect();
    let keys: BTreeSet<&str> = properties.iter().map(|(key, _)| *key).collect();
    properties.iter().any(|(key, value)| {
        let value_of = |start: &str| keys.contains(format!("{start}value").as_str());
        let names_secret =
            || key.strip_suffix("name").is_some_and(value_of) && Configuration::names_secret(value);
        !key.ends_with("pattern") && Configuration::holds_secret(key, value) || names_secret()
    })
}

fn property(line: &str) -> (&str, Cow<'_, str>) {
    let line = line.trim_start();
    let (key, value) = line.split_at(
        line.find(|c: char| c.is_whitespace() || matches!(c, '=' | ':')).unwrap_or(line.len()),
    );
    let value = value.trim_start().trim_start_matches(['=', ':']).trim();
    // Flink's own files have no such escapes, but Java writes addresses so.
    let escapes = [("\\:", ":"), ("\\=", "="), ("\\\"", "\"")];
    (key, without_escapes(value.into(), &escapes))
}

/// The text with each of these escapes replaced; nearly every text has none.
fn without_escapes<'a>(text: Cow<'a, str>, escapes: &[(&str, &str)]) -> Cow<'a, str> {
    if !text.contains('\\') {
        return text;
    }
    escapes.iter().fold(text, |text, (escape, meaning)| text.replace(escape, meaning).into())
}

/// The text; none if its characters have more than one byte, such as those of UTF-16, so that no
/// name is found in it.
fn text(content: &[u8]) -> Option<Cow<'_, str>> {
    let text = String::from_utf8_lossy(content);
    (!text.contains('\0')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_xml_file_with_a_password_in_any_form_holds_a_secret() {
        for text in [
            "<property><name> fs.s3a.secret.key </name><value>hush</value></property>",
            "<property><name><![CDATA[my.password]]></name><value>hush</value></property>",
            "<property name=\"my.password\" value=\"hush\"/>",
            "<property value='hush' name='my.password'/>",
            "<property><name>my.url</name><value>https://u:hush@h/x</value></property>",
            "<property><name>my.url</name><value>https://h/x?a=b&amp;sig=hush</value></property>",
            "<property><name>my.opts</name><value>-Xmx1g -Dmy.password=hush</value></property>",
            "<property><name>my.json</name><value>{&quot;password&quot;: &quot;hush&quot;}</value></property>",
            "<configuration><appender><password>hush</password></appender></configuration>",
            "<appender><url>http://u:hush@h</url></appender>",
            "<Http name='a' url='http://u:hush@h'/>",
            "<Socket password='hush'/>",
            "<property><name>db.pass</name><value>hush</value></property>",
            "<property><value>hush</value><name>my.password</name></property><property><name>a</name></property>",
            "<entry><name>my.password</name><text>hush</text></entry>",
            "<property><name>fs.s3a.encryption.key</name><value>hush</value></property>",
            "<property><name>ha.zookeeper.auth</name><value>digest:a:hush</value></property>",
        ] {
            assert!(xml_holds_secret(text.as_bytes()), "{text}");
        }
        let wide: Vec<u8> =
            "<password>hush</password>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(xml_holds_secret(&wide), "what cannot be searched is a secret");
    }

    #[test]
    fn an_ordinary_xml_file_holds_no_secret() {
        for text in [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- http://www.apache.org/licenses/LICENSE-2.0 -->\n\
             <configuration><property><name>fs.defaultFS</name><value>hdfs://nn:8020</value></property></configuration>",
            "<property><name>fs.a</name><value>b</value><description>Set password=x elsewhere</description></property>",
            "<configuration><logger name=\"org.apache.hadoop.security.token\" level=\"WARN\"/></configuration>",
            "<property><name>dfs.block.access.token.enable</name><value>true</value></property>",
            "<property><name>fs.s3a.aws.credentials.provider</name><value>org.apache.A</value></property>",
            "<PatternLayout><pattern>%replace{%m}{password=\\S+}{password=***}</pattern></PatternLayout>",
            "<appender><tokenizer>standard</tokenizer></appender>",
            "<property><name>hadoop.security.token.service.use_ip</name><value>true</value></property>\
             <property><value>36000</value><name>hadoop.http.authentication.token.validity</name></property>",
            "<property><name>fs.defaultFS</name><value>abfs://container@account.dfs.core.windows.net</value></property>",
            "<appender><pattern>%d{HH:mm:ss,SSS} %-5p %c - %m%n</pattern></appender>",
            "",
            "a < b > c",
        ] {
            assert!(!xml_holds_secret(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn properties_with_a_password_in_any_form_hold_a_secret() {
        for text in [
            "a = b\nappender.http.password = hush\n",
            "appender.http.password: hush",
            "appender.http.password hush",
            "appender.http.url = http://u:hush@h/x",
            "appender.http.url = http\\://u\\:hush@h/x",
            "appender.kafka.a.type = Property\nappender.kafka.a.name = sasl.jaas.config\nappender.kafka.a.value = hush",
            "appender.kafka.a.value = x.Module required \\\n  password=\"hush\";",
        ] {
            assert!(properties_hold_secret(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn ordinary_properties_hold_no_secret() {
        for text in [
            "# password = x\n! token: y\nrootLogger.level = INFO\n",
            "logger.a.name = org.apache.flink.runtime.security.token\nlogger.a.level = WARN",
            "appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n",
            "logger.token.level = DEBUG\nlogger.secret.name = com.acme.Secrets",
            "appender.a.layout.pattern = %replace{%m}{password=\\S+}{password=***}",
            "appender.main.policies.size.size = ${env:MAX_LOG_FILE_SIZE:-100MB}",
            "appender.main.filter.f.regex = .*password=.*",
            "",
        ] {
            assert!(!properties_hold_secret(text.as_bytes()), "{text}");
        }
    }
}
