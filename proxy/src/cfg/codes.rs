//! The stable codes of configuration findings, C001 to C099. A code keeps its meaning for ever.

macro_rules! codes {
    ($($name:ident $code:literal $title:literal,)*) => {
        $(#[doc = $title] pub(super) const $name: &str = $code;)*

        /// Every code with its title, for reports that describe their rules.
        pub const ALL: &[(&str, &str)] = &[$(($code, $title),)*];
    };
}

codes! {
    TOO_MANY_FINDINGS "C001" "too many findings",
    SYNTAX "C002" "something else was expected here",
    JUNK "C003" "byte that is not part of the language",
    NUMBER "C004" "not a number",
    STRING "C005" "string without its closing quote",
    COMMENT "C006" "comment without its end",
    VARIABLE "C007" "variable without its closing parenthesis, or without a name",
    DIRECTIVE "C008" "unknown or incomplete preprocessor directive",
    DEFINE "C009" "define that cannot be made",
    SELF_REFERENCE "C010" "define that expands to itself",
    CONDITION "C011" "ifdef and endif do not match",
    SUBST "C012" "substitution that cannot be made",
    INCLUDE "C013" "file that cannot be included",
    LIMIT "C014" "a limit is exceeded",
    UNKNOWN_PARAMETER "C015" "unknown global parameter",
    PARAMETER_TYPE "C016" "value of the wrong type for a global parameter",
    OLD_PARAMETER "C017" "global parameter that is gone",
    DUPLICATE_ROUTE "C018" "route defined twice",
    DUPLICATE_NAME "C019" "name declared twice",
    FLAG "C020" "flag that is not declared or out of range",
    UNKNOWN_STATEMENT "C021" "not a statement",
    MISSING_SEMICOLON "C022" "missing semicolon",
    NESTED_CALL "C023" "function call inside the arguments of another function",
    KEY_OPERATOR "C024" "key word without a fitting comparison",
    CASE "C025" "switch labels that do not fit together",
    TYPE_MISMATCH "C026" "operator on a constant of the wrong type",
    CONSTANT_CONDITION "C027" "condition that never changes",
    EMPTY_NAME "C028" "empty name",
    BREAK_OUTSIDE "C029" "break outside of switch and while",
    ADDRESS "C030" "bad address, network or port",
    READ_ONLY "C031" "assignment to something that is no plain variable",
    BARE_WORD "C033" "bare word where a value was expected",
    UNREACHABLE "C035" "statement that never runs",
    ENCODING "C034" "marker of an old configuration syntax",
}
