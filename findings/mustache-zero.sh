#!/usr/bin/env bash
# A package template of Cosmos (DC/OS) that guards a block with `{{#instances}}` renders it for 0 too; in Python's libraries it does not.
#
# Seen with mustache.java 0.9.1 (Debian 12's libmustache-java; Cosmos renders packages with mustache.java) and chevron 0.14.0 (PyPI). The Java
# library renders a section for 0 and for an empty map, chevron for neither; for a list of one empty text, Java renders the block
# once and chevron does not. 1e21 prints as 1.0E21. One would expect a template to be testable with another implementation of Mustache.
. "$(dirname "$0")/lib/common.sh"
(cd "$work" && apt-get download libmustache-java=0.9.1-1 libguava-java=31.1-1 >apt.log 2>&1) || { tail -3 "$work/apt.log" >&2; exit 2; }
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/debian"; done
python3 -m pip install -q --disable-pip-version-check --root-user-action ignore --no-deps --target "$work/python" chevron==0.14.0 >"$work/pip.log" 2>&1 ||
  { tail -3 "$work/pip.log" >&2; exit 2; }
cat >"$work/Render.java" <<'JAVA'
import com.github.mustachejava.DefaultMustacheFactory;

import java.io.StringReader;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;

/** Renders `{{#x}}yes{{/x}}{{^x}}no{{/x}}` for each of the values, and then a number. */
public class Render {
    static String render(String template, Object x) throws Exception {
        StringWriter text = new StringWriter();
        new DefaultMustacheFactory().compile(new StringReader(template), "t").execute(text, Map.of("x", x)).flush();
        return text.toString();
    }

    public static void main(String[] arguments) throws Exception {
        for (Object x : new Object[] {0, 1, "", "false", false, Map.of(), List.of(), List.of("")}) {
            System.out.println(render("{{#x}}yes{{/x}}{{^x}}no{{/x}}", x));
        }
        System.out.println(render("{{x}}", 1e21));
    }
}
JAVA
jars=$(find "$work/debian" -name '*.jar' | paste -sd:)
javac -d "$work/classes" -cp "$jars" "$work/Render.java"
mapfile -t in_java < <(java -cp "$jars:$work/classes" Render)
mapfile -t in_python < <(PYTHONPATH=$work/python python3 -c '
import chevron
for x in [0, 1, "", "false", False, {}, [], [""]]:
    print(chevron.render("{{#x}}yes{{/x}}{{^x}}no{{/x}}", {"x": x}))
print(chevron.render("{{x}}", {"x": 1e21}))')
values=(0 1 '""' '"false"' false '{}' '[]' '[""]' 1e21)
java_expected=(yes yes no yes no yes no yes 1.0E21)
python_expected=(no yes no yes no no no '' 1e+21)
for i in "${!values[@]}"; do
  expect "mustache.java, ${values[i]}" "${java_expected[i]}" "${in_java[i]}"
  expect "chevron, ${values[i]}" "${python_expected[i]}" "${in_python[i]}"
done
verdict
