package flinkmesos;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.SqlParserException;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.table.api.internal.TableEnvironmentInternal;
import org.apache.flink.table.operations.CreateTableASOperation;
import org.apache.flink.table.operations.Operation;
import org.apache.flink.table.operations.QueryOperation;
import org.apache.flink.table.operations.ReplaceTableAsOperation;
import org.apache.flink.table.operations.SinkModifyOperation;
import org.apache.flink.table.operations.StatementSetOperation;
import org.apache.flink.table.operations.command.QuitOperation;
import org.apache.flink.table.operations.command.ResetOperation;
import org.apache.flink.table.operations.command.SetOperation;
import org.apache.flink.table.operations.ddl.CreateCatalogOperation;

/**
 * Runs the statements of a file, as an application. With "--text", runs those of the text after the file's name. With "--check" before the file,
 * looks for mistakes instead, without effect on anything outside this process, and prints the first one after "flink-mesos", a tab, "problem" and a tab.
 */
public final class SqlFile {
    private static final Pattern PLACE = Pattern.compile("(?:From|[Aa]t) line (\\d+), column (\\d+)(?: to line \\d+, column \\d+)?");
    private static final Pattern BLOCK = Pattern.compile("(EXECUTE|EXPLAIN|EXECUTE PLAN) STATEMENT SET BEGIN\\b.*", Pattern.DOTALL);
    /** What a check executes: it changes only catalogs in the memory of this process. Other statements may delete rows, call procedures or run jobs. */
    private static final Pattern HARMLESS = Pattern.compile("org\\.apache\\.flink\\.table\\.operations\\."
            + "(ddl\\.(Create|Alter|Drop|Add)\\w+|(Use|LoadModule|UnloadModule)\\w*|command\\.AddJarOperation)");
    private static final String RUNTIME_MODE = "execution.runtime-mode";

    private final String file;
    private final boolean checks;
    private final Configuration options = new Configuration();
    private final Set<String> set = new TreeSet<>();
    private TableEnvironment environment;
    /** From here on, a check looks at the syntax only. */
    private boolean isBlind;

    private SqlFile(Path file, boolean checks) {
        this.file = file.getFileName().toString();
        this.checks = checks;
    }

    public static void main(String[] arguments) throws Exception {
        boolean checks = arguments[0].equals("--check");
        boolean isText = arguments[0].equals("--text");
        Path path = Paths.get(isText ? arguments[1] : arguments[arguments.length - 1]);
        String text = isText ? arguments[2] : new String(Files.readAllBytes(path), StandardCharsets.UTF_8);
        SqlFile file = new SqlFile(path, checks);
        try {
            file.run(statements(text, file.file));
        } catch (Mistake e) {
            if (!checks) {
                throw e;
            }
            System.out.println("flink-mesos\tproblem\t" + e.getMessage().replaceAll("\\s+", " "));
        }
        if (checks) {
            System.out.println("flink-mesos\tchecked");
        }
    }

    private void run(List<Statement> statements) {
        for (Statement statement : statements) {
            try {
                if (!execute(statement.text)) {
                    return;
                }
            } catch (Mistake e) {
                throw e;
            } catch (Exception e) {
                throw statement.mistake(file, e);
            }
        }
    }

    /** Whether there may be more. */
    private boolean execute(String statement) throws Exception {
        Operation operation;
        try {
            operation = operation(statement);
        } catch (SqlParserException e) {
            throw e;
        } catch (Exception e) {
            if (checks && isBlind) {
                return true;
            }
            throw e;
        }
        if (operation instanceof QuitOperation) {
            return false;
        }
        if (operation instanceof SetOperation) {
            SetOperation change = (SetOperation) operation;
            change.getKey().ifPresent(key -> change.getValue().ifPresent(value -> set(key, value)));
        } else if (operation instanceof ResetOperation) {
            ResetOperation reset = (ResetOperation) operation;
            reset(reset.getKey().map(Collections::singleton).orElse(new TreeSet<>(set)));
        } else if (checks) {
            check(operation, statement);
        } else {
            TableResult result = environment().executeSql(statement);
            // To print what an INSERT says is to wait for the end of its job.
            if (operation instanceof QueryOperation || !result.getJobClient().isPresent()) {
                result.print();
            }
        }
        return true;
    }

    private Operation operation(String statement) {
        if (environment == null) {
            // The options must be complete before there is an environment; another one looks whether they are.
            Operation first = parse(TableEnvironment.create(EnvironmentSettings.inStreamingMode()), statement);
            if (first instanceof SetOperation || first instanceof ResetOperation) {
                return first;
            }
        }
        return parse(environment(), statement);
    }

    private static Operation parse(TableEnvironment environment, String statement) {
        return ((TableEnvironmentInternal) environment).getParser().parse(statement).get(0);
    }

    private TableEnvironment environment() {
        if (environment == null) {
            environment = TableEnvironment.create(EnvironmentSettings.newInstance().withConfiguration(options).build());
        }
        return environment;
    }

    private void set(String key, String value) {
        set.add(key);
        if (environment == null) {
            options.setString(key, value);
        } else if (key.equals(RUNTIME_MODE)) {
            throw new IllegalArgumentException("set " + RUNTIME_MODE + " before the first statement that is no SET");
        } else {
            environment.getConfig().set(key, value);
        }
    }

    private void reset(Set<String> keys) {
        for (String key : keys) {
            (environment == null ? options : environment.getConfig().getConfiguration()).removeKey(key);
            set.remove(key);
        }
    }

    private void check(Operation operation, String statement) {
        // Tables of another catalog, and those that come out of a query, are not known without running the statement.
        isBlind |= operation instanceof CreateTableASOperation || operation instanceof ReplaceTableAsOperation;
        isBlind |= operation instanceof CreateCatalogOperation
                && !"generic_in_memory".equals(((CreateCatalogOperation) operation).getProperties().get("type"));
        if (isBlind) {
            return;
        }
        List<Operation> jobs = operation instanceof StatementSetOperation
                ? new ArrayList<>(((StatementSetOperation) operation).getOperations())
                : Collections.singletonList(operation);
        if (jobs.stream().allMatch(job -> job instanceof SinkModifyOperation || job instanceof QueryOperation)) {
            ((TableEnvironmentInternal) environment).explainInternal(jobs);
        } else if (HARMLESS.matcher(operation.getClass().getName()).matches()) {
            environment.executeSql(statement);
        }
    }

    /** The statements of a text, each without the comments before it and without its semicolon. */
    private static List<Statement> statements(String text, String file) {
        List<Statement> statements = new ArrayList<>();
        StringBuilder words = new StringBuilder();
        int start = -1;
        for (int at = 0; at < text.length(); ) {
            int end = endOfToken(text, at);
            String token = text.substring(at, end);
            boolean isBlank = token.trim().isEmpty() || token.startsWith("--") || token.startsWith("/*") && !token.startsWith("/*+");
            if (token.equals(";") && start >= 0) {
                String said = words.toString().trim();
                boolean opens = said.equals("BEGIN STATEMENT SET");
                boolean isOpen = said.startsWith("BEGIN STATEMENT SET") || BLOCK.matcher(said).matches();
                if (!isOpen || !opens && said.endsWith(" END")) {
                    statements.add(new Statement(text, start, at));
                    words.setLength(0);
                    start = -1;
                }
            } else if (!isBlank && !token.equals(";")) {
                start = start < 0 ? at : start;
                words.append(token.toUpperCase(Locale.ROOT));
            } else if (isBlank && words.length() > 0 && words.charAt(words.length() - 1) != ' ') {
                words.append(' ');
            }
            at = end;
        }
        if (start >= 0) {
            statements.add(new Statement(text, start, text.length()));
        }
        if (statements.isEmpty()) {
            throw new Mistake(file + ": there is no statement");
        }
        return statements;
    }

    /** Where the token at this index ends: a quoted text, a comment, blanks, a word, or one other letter. */
    private static int endOfToken(String text, int at) {
        char first = text.charAt(at);
        if (first == '\'' || first == '"' || first == '`') {
            int end = text.indexOf(first, at + 1);
            return end < 0 ? text.length() : end + 1;
        }
        if (text.startsWith("--", at)) {
            int end = text.indexOf('\n', at);
            return end < 0 ? text.length() : end;
        }
        if (text.startsWith("/*", at)) {
            int end = text.indexOf("*/", at + 2);
            return end < 0 ? text.length() : end + 2;
        }
        int end = at + 1;
        if (Character.isWhitespace(first)) {
            while (end < text.length() && Character.isWhitespace(text.charAt(end))) {
                end++;
            }
        } else if (Character.isJavaIdentifierPart(first)) {
            while (end < text.length() && Character.isJavaIdentifierPart(text.charAt(end))) {
                end++;
            }
        }
        return end;
    }

    private static final class Statement {
        final String text;
        final int line;
        final int column;

        Statement(String all, int start, int end) {
            // The SQL client's older form; the lines stay where they are.
            String written = all.substring(start, end);
            text = written.replaceFirst("(?is)^BEGIN(\\s+)STATEMENT(\\s+)SET(\\s*);", "EXECUTE$1STATEMENT$2SET$3 BEGIN ");
            String before = all.substring(0, start);
            line = (int) before.chars().filter(letter -> letter == '\n').count() + 1;
            column = start - before.lastIndexOf('\n');
        }

        Mistake mistake(String file, Throwable thrown) {
            Set<String> said = new java.util.LinkedHashSet<>();
            String place = ":" + line;
            for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
                String message = cause.getMessage() == null ? cause.toString() : cause.getMessage();
                Matcher found = PLACE.matcher(message);
                if (found.find()) {
                    int inner = Integer.parseInt(found.group(1));
                    int across = Integer.parseInt(found.group(2));
                    place = ":" + (line + inner - 1) + ":" + (inner == 1 ? column + across - 1 : across);
                    message = found.replaceFirst("").replaceFirst("^:\\s*", "");
                }
                // A parser lists each word that may follow.
                said.add(message.split("\nWas expecting", 2)[0].trim());
            }
            return new Mistake(file + place + ": " + String.join(": ", withoutRepeats(said)));
        }

        private static List<String> withoutRepeats(Set<String> said) {
            List<String> different = new ArrayList<>(said);
            different.removeIf(one -> said.stream().anyMatch(other -> other != one && other.contains(one)));
            return different;
        }
    }

    /** Says all there is to say in its message. */
    private static final class Mistake extends RuntimeException {
        Mistake(String message) {
            super(message, null, false, false);
        }
    }
}
